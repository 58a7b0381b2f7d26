import { type Call, type Handler, mayManage, refuseCall } from './calls.ts';
import type { Reply } from './http.ts';
import { readKeys } from './instance.ts';
import { done } from './management-faults.ts';
import type { Input } from './messages.ts';
import { formatTimestamp } from './timestamps.ts';

const DEFAULT_LIMIT = 100;
const LARGEST_LIMIT = 1000;

/** A key with what it belongs to. The keys of accounts are listed as if an account were an application. */
interface Row {
  readonly keyId: string;
  readonly holderId: string;
  readonly projectId: string;
  readonly userId: string | undefined;
  readonly organizationId: string;
  readonly createdMs: number;
  readonly expiresMs: number;
}

function rowsOf({ instance, nowMs }: Call): readonly Row[] {
  const { users, applications, org: organizationId } = instance.accounts;
  const holders = [
    ...[...users.values()].map(({ userId, keys }) => ({ holderId: userId, projectId: userId, userId, keys })),
    ...[...applications.values()].map(({ appId, projectId, keys }) => {
      return { holderId: appId, projectId, userId: undefined, keys };
    }),
  ];
  return holders.flatMap(({ keys, ...holder }) =>
    [...readKeys(instance, { keys }, nowMs).values()].map((key) => ({ ...key, ...holder, organizationId })),
  );
}

/** What each filter compares with its one member. */
const FILTERS: Readonly<Record<string, keyof Row>> = {
  keyIdFilter: 'keyId',
  userIdFilter: 'holderId',
  applicationIdFilter: 'holderId',
  projectIdFilter: 'projectId',
  organizationIdFilter: 'organizationId',
};

const passes = (row: Row, filters: readonly Input[]): boolean =>
  filters.flatMap(Object.entries<unknown>).every(([name, filter]) => {
    const [value = ''] = Object.values(filter as Input);
    return row[FILTERS[name] ?? 'keyId'] === value;
  });

const compare = (a: Row, b: Row, column: keyof Row): number =>
  String(a[column]).localeCompare(String(b[column]), 'en', { numeric: true });

type Columns = readonly (keyof Row)[];

/**
 * One page of keys that pass all filters, the newest first unless asked otherwise. The total counts what the caller
 * may not see as well, and nothing when the page is beyond the end.
 */
const list =
  (columns: Columns, isListed: (row: Row) => boolean, member: string, write: (row: Row) => object): Handler =>
  (call): Reply => {
    const { pagination, sortingColumn, filters = [] } = call.input as Input & { readonly filters?: readonly Input[] };
    const { offset = 0, limit, asc } = (pagination ?? {}) as { offset?: number; limit?: number; asc?: boolean };
    const appliedLimit = limit || DEFAULT_LIMIT;
    if (appliedLimit > LARGEST_LIMIT) return refuseCall(call, 'largeLimit');
    const found = rowsOf(call).filter((row) => isListed(row) && passes(row, filters));
    const column = columns[Number(sortingColumn ?? 0)] ?? 'organizationId';
    const sorted = found.sort((a, b) => (asc === true ? 1 : -1) * (compare(a, b, column) || compare(a, b, 'keyId')));
    const page = sorted.slice(offset, offset + appliedLimit);
    const seen = page.filter(({ userId }) => mayManage(call, userId)).map(write);
    return done(call.protocol, {
      pagination: {
        totalResult: page.length > 0 ? String(found.length) : undefined,
        appliedLimit: String(appliedLimit),
      },
      [member]: seen.length > 0 ? seen : undefined,
    });
  };

const dates = ({ createdMs, organizationId, expiresMs }: Row) => ({
  creationDate: formatTimestamp(createdMs),
  organizationId,
  expirationDate: formatTimestamp(expiresMs),
});

/** `ListKeys`, of service accounts. */
export const listKeys = list(
  ['createdMs', 'createdMs', 'keyId', 'holderId', 'organizationId', 'expiresMs'],
  ({ userId }) => userId !== undefined,
  'result',
  (row) => ({ ...dates(row), changeDate: formatTimestamp(row.createdMs), id: row.keyId, userId: row.userId }),
);

/** `ListApplicationKeys`, which lists the keys of service accounts too. */
export const listApplicationKeys = list(
  ['keyId', 'projectId', 'holderId', 'createdMs', 'organizationId', 'expiresMs'],
  () => true,
  'keys',
  (row) => ({ ...dates(row), keyId: row.keyId, applicationId: row.holderId, projectId: row.projectId }),
);
