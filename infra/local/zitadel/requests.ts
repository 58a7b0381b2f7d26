import type { Field, Message } from './messages.ts';

const ID: Field = { kind: 'string', rule: 'id' };

const message = (name: string, fields: Message['fields'], oneof?: string): Message => ({
  name,
  fields,
  ...(oneof === undefined ? {} : { oneof }),
});

const PAGINATION = message('PaginationRequest', {
  offset: { kind: 'uint64' },
  limit: { kind: 'uint32' },
  asc: { kind: 'bool' },
});

/** A message that lists keys, with the columns that it sorts by and the filters that it takes. */
const list = (name: string, prefix: string, columns: string, filters: Message): Message =>
  message(name, {
    pagination: { kind: PAGINATION },
    sortingColumn: { kind: columns.split(' ').map((column) => `${prefix}_${column}`) },
    filters: { kind: filters, isList: true },
  });

const ID_FILTER: Field = { kind: message('IDFilter', { id: ID }) };

const USER_KEY_FILTERS = message(
  'KeysSearchFilter',
  { keyIdFilter: ID_FILTER, userIdFilter: ID_FILTER, organizationIdFilter: ID_FILTER },
  'zitadel.user.v2.KeysSearchFilter.filter',
);

const APPLICATION_KEY_FILTERS = message(
  'ApplicationKeySearchFilter',
  {
    applicationIdFilter: {
      kind: message('ApplicationKeyApplicationIDFilter', { applicationId: { kind: 'string', rule: 'short' } }),
    },
    projectIdFilter: { kind: message('ApplicationKeyProjectIDFilter', { projectId: ID }) },
    organizationIdFilter: { kind: message('ApplicationKeyOrganizationIDFilter', { organizationId: ID }) },
  },
  'zitadel.application.v2.ApplicationKeySearchFilter.filter',
);

const EXPIRATION: Field = { kind: 'timestamp', rule: 'required' };

/** The requests of ZITADEL's API that the stand-in knows, in the order of their fields. */
export const REQUESTS = {
  user: message('UserRequest', { userId: ID }),
  addKey: message('AddKeyRequest', { userId: ID, publicKey: { kind: 'bytes' }, expirationDate: EXPIRATION }),
  removeKey: message('RemoveKeyRequest', { userId: ID, keyId: ID }),
  addSecret: message('AddSecretRequest', { userId: ID }),
  removeSecret: message('RemoveSecretRequest', { userId: ID }),
  listKeys: list(
    'ListKeysRequest',
    'KEY_FIELD_NAME',
    'UNSPECIFIED CREATED_DATE ID USER_ID ORGANIZATION_ID KEY_EXPIRATION_DATE',
    USER_KEY_FILTERS,
  ),
  createApplicationKey: message('CreateApplicationKeyRequest', {
    applicationId: ID,
    projectId: ID,
    expirationDate: { kind: 'timestamp' },
  }),
  listApplicationKeys: list(
    'ListApplicationKeysRequest',
    'APPLICATION_KEYS_SORT_BY',
    'ID PROJECT_ID APPLICATION_ID CREATION_DATE ORGANIZATION_ID EXPIRATION TYPE',
    APPLICATION_KEY_FILTERS,
  ),
  deleteApplicationKey: message('DeleteApplicationKeyRequest', { keyId: ID, applicationId: ID, projectId: ID }),
  generateClientSecret: message('GenerateClientSecretRequest', { applicationId: ID, projectId: ID }),
};
