import { json, type Reply } from './http.ts';

/** How ZITADEL's API frames an error: as gRPC through its gateway, or as Connect. */
export type Protocol = 'grpc' | 'connect';

/** An error of ZITADEL's API; without an id it has no details. */
export interface ApiFault {
  readonly kind: keyof typeof KINDS;
  readonly id?: string;
  readonly message: string;
}

const KINDS = {
  invalid_argument: { code: 3, status: 400 },
  not_found: { code: 5, status: 404 },
  permission_denied: { code: 7, status: 403 },
  failed_precondition: { code: 9, status: 400 },
  unimplemented: { code: 12, status: 405 },
  unauthenticated: { code: 16, status: 401 },
} as const;

const BAD_KEY = 'Public key is not a valid RSA public key in PKIX format with PEM encoding';

export const FAULTS = {
  noHeader: { kind: 'unauthenticated', message: 'auth header missing' },
  badHeader: { kind: 'unauthenticated', id: 'AUTH-toLo1', message: 'invalid auth header' },
  badToken: { kind: 'unauthenticated', id: 'AUTH-7fs1e', message: 'Errors.Token.Invalid' },
  noOrganization: { kind: 'permission_denied', id: 'AUTH-Bs7Ds', message: "Organisation doesn't exist" },
  noMembership: { kind: 'not_found', id: 'AUTHZ-cdgFk', message: 'membership not found' },
  noPermission: { kind: 'permission_denied', id: 'AUTH-AWfge', message: 'No matching permissions found' },
  expiredKey: { kind: 'invalid_argument', id: 'DOMAIN-dv3t5', message: 'Errors.AuthNKey.ExpireBeforeNow' },
  badPublicKey: { kind: 'invalid_argument', id: 'COMMAND-5F3h1', message: BAD_KEY },
  noKeyUser: { kind: 'failed_precondition', id: 'COMMAND-bnipwm1', message: 'User could not be found' },
  noKey: { kind: 'not_found', id: 'COMMAND-4m77G', message: 'Machine key not found' },
  noUserToAdd: { kind: 'failed_precondition', id: 'COMMAND-x8910n', message: 'Errors.User.NotExisting' },
  noUserToRemove: { kind: 'failed_precondition', id: 'COMMAND-x7s802', message: 'Errors.User.NotExisting' },
  noSecret: { kind: 'failed_precondition', id: 'COMMAND-coi82n', message: "Secret doesn't exist" },
  largeLimit: { kind: 'invalid_argument', id: 'QUERY-4M0fs', message: 'Limit exceeded' },
  noKeyApplication: { kind: 'failed_precondition', id: 'COMMAND-sak25', message: 'Application not found' },
  noKeyAllowed: {
    kind: 'failed_precondition',
    id: 'COMMAND-Dff54',
    message: 'Chosen Auth Method does not require a key',
  },
  noApplicationKey: { kind: 'not_found', id: 'COMMAND-4m77G', message: 'Application key not found' },
  noApplication: { kind: 'not_found', id: 'COMMAND-Kd92s', message: "Application doesn't exist" },
} as const satisfies Record<string, ApiFault>;

/** A field of protobuf's wire that is text of less than 128 bytes. */
const field = (number: number, text: string): Buffer =>
  Buffer.concat([Buffer.from([(number << 3) | 2, Buffer.byteLength(text)]), Buffer.from(text)]);

const TYPE = 'zitadel.v1.ErrorDetail';

/** What the gateway says by itself, before a call reaches gRPC. */
export const gatewayFault = (kind: keyof typeof KINDS, message: string): Reply => {
  const { code, status } = KINDS[kind];
  return { ...json({ code, message }, status), headers: {} };
};

export function apiFault(protocol: Protocol, { kind, id, message }: ApiFault): Reply {
  const { code, status } = KINDS[kind];
  const said = id === undefined ? message : `${message} (${id})`;
  if (protocol === 'grpc') {
    const details = id && [{ '@type': `type.googleapis.com/${TYPE}`, id, message }];
    const challenge = kind === 'unauthenticated' ? { 'www-authenticate': said } : {};
    return { ...json({ code, message: said, details }, status), headers: { ...GRPC, ...challenge } };
  }
  const bytes = Buffer.concat([field(1, id ?? ''), field(2, message)]);
  const value = bytes.toString('base64').replace(/=+$/, '');
  const details = id && [{ type: TYPE, value, debug: { id, message } }];
  return { ...json({ code: kind, message: said, details }, status), headers: {} };
}

const GRPC = { 'grpcgateway-content-type': 'application/grpc' };
const GRPC_NO_STORE = { ...GRPC, 'grpcgateway-cache-control': 'no-store', 'grpcgateway-pragma': 'no-cache' };

/** What a call answers when it has done what it should: only Connect forbids caching in HTTP's words. */
export const done = (protocol: Protocol, value: object): Reply =>
  protocol === 'connect' ? json(value) : { ...json(value), headers: GRPC_NO_STORE };
