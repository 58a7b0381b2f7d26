import { json, type Reply } from './http.ts';

/** How ZITADEL's API frames an error: as gRPC through its gateway, or as Connect. */
export type Protocol = 'grpc' | 'connect';

/** An error of ZITADEL's API. */
export interface ApiFault {
  readonly kind: keyof typeof KINDS;
  readonly id: string;
  readonly message: string;
}

const KINDS = {
  invalid_argument: { code: 3, status: 400 },
  not_found: { code: 5, status: 404 },
  failed_precondition: { code: 9, status: 400 },
  unauthenticated: { code: 16, status: 401 },
} as const;

export const EXPIRED_KEY: ApiFault = {
  kind: 'invalid_argument',
  id: 'DOMAIN-dv3t5',
  message: 'Errors.AuthNKey.ExpireBeforeNow',
};

export const FAULTS = {
  badToken: { kind: 'unauthenticated', id: 'AUTH-7fs1e', message: 'Errors.Token.Invalid' },
  noMembership: { kind: 'not_found', id: 'AUTHZ-cdgFk', message: 'membership not found' },
  noKey: { kind: 'not_found', id: 'COMMAND-4m77G', message: 'Errors.User.Machine.Key.NotFound' },
  noSecret: { kind: 'failed_precondition', id: 'COMMAND-x7s802', message: 'Errors.User.Machine.Secret.NotExisting' },
  noApplication: { kind: 'not_found', id: 'COMMAND-Kd92s', message: "Application doesn't exist" },
  badPublicKey: { kind: 'invalid_argument', id: 'COMMAND-5F3h1', message: 'Errors.User.Machine.Key.Invalid' },
} as const satisfies Record<string, ApiFault>;

/** A field of protobuf's wire that is text of less than 128 bytes. */
const field = (number: number, text: string): Buffer =>
  Buffer.concat([Buffer.from([(number << 3) | 2, Buffer.byteLength(text)]), Buffer.from(text)]);

const TYPE = 'zitadel.v1.ErrorDetail';

export function apiFault(protocol: Protocol, { kind, id, message }: ApiFault): Reply {
  const { code, status } = KINDS[kind];
  const said = `${message} (${id})`;
  const headers = kind === 'unauthenticated' ? { 'www-authenticate': said } : {};
  if (protocol === 'grpc') {
    const details = [{ '@type': `type.googleapis.com/${TYPE}`, id, message }];
    return { ...json({ code, message: said, details }, status), headers };
  }
  const value = Buffer.concat([field(1, id), field(2, message)])
    .toString('base64')
    .replace(/=+$/, '');
  const details = [{ type: TYPE, value, debug: { id, message } }];
  return { ...json({ code: kind, message: said, details }, status), headers };
}
