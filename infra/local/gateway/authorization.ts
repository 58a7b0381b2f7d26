import { createHash } from 'node:crypto';

/** `Credential` of a signature: date, region, service and terminator, as the signing key is derived from them. */
export type CredentialScope = readonly [date: string, region: string, service: string, terminator: string];

/** The parts of an `Authorization` header of AWS Signature Version 4. */
export interface Authorization {
  readonly accessKeyId: string;
  readonly scope: CredentialScope;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
}

/** The only algorithm that API Gateway accepts from IAM callers. */
export const ALGORITHM = 'AWS4-HMAC-SHA256';

const SERVICE = 'execute-api';
const TERMINATOR = 'aws4_request';

const PARAMETERS = ['Credential', 'Signature', 'SignedHeaders'];

/** What API Gateway writes in place of a header that may contain a secret. */
const hashed = (header: string): string => createHash('sha256').update(header).digest('base64');

const NO_DATE = "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.";

/** The text for a header that lacks parameters, or for a request without a date. */
export const lacking = (header: string, missing: readonly string[], hasDate: boolean): string =>
  [
    ...missing.map((name) => `Authorization header requires '${name}' parameter.`),
    ...(hasDate ? [] : [NO_DATE]),
    `(Hashed with SHA-256 and encoded with Base64) Authorization=${hashed(header)}`,
  ].join(' ');

/**
 * Parses the header as API Gateway does: a word, then pairs between commas and spaces.
 * @returns a string if it cannot be a signature: API Gateway's text; `undefined` if it has another algorithm
 */
export function parseAuthorization(header: string, hasDate: boolean): Authorization | string | undefined {
  const [algorithm, ...pairs] = header.trim().split(/[\s,]+/);
  const fields = new Map<string, string>();
  for (const pair of pairs) {
    const equals = pair.indexOf('=');
    if (equals <= 0) {
      return `Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded with Base64): '${hashed(header)}'.`;
    }
    fields.set(pair.slice(0, equals), pair.slice(equals + 1));
  }
  const missing = PARAMETERS.filter((name) => !fields.get(name));
  if (missing.length > 0) return lacking(header, missing, hasDate);
  if (algorithm !== ALGORITHM) return undefined;
  const credential = fields.get('Credential') ?? '';
  const [accessKeyId = '', date, region, service, terminator, ...rest] = credential.split('/');
  if (terminator === undefined || service === undefined || region === undefined || date === undefined || rest.length) {
    return `Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '${credential}'`;
  }
  return {
    accessKeyId,
    scope: [date, region, service, terminator],
    signedHeaders: (fields.get('SignedHeaders') ?? '').split(';'),
    signature: fields.get('Signature') ?? '',
  };
}

/** Why a signature of this scope is not for this gateway: API Gateway's text, and what the caller must change. */
export interface ScopeFault {
  readonly message: string;
  readonly reason: string;
}

const word = (text: string): string => (/^[\w.-]{1,40}$/.test(text) ? text : 'something else');

/** The faults of a scope for a request to this gateway, signed on `day` (`YYYYMMDD`); `undefined` if there are none. */
export function scopeFault(
  [date, region, service, terminator]: CredentialScope,
  day: string,
  ownRegion: string,
): ScopeFault | undefined {
  const faults = [
    region !== ownRegion && {
      message: 'Credential should be scoped to a valid region.',
      reason: `it is signed for the region ${word(region)}; sign for ${ownRegion}`,
    },
    service !== SERVICE && {
      message: `Credential should be scoped to correct service: '${SERVICE}'.`,
      reason: `it is signed for the service ${word(service)}; sign for ${SERVICE}`,
    },
    terminator !== TERMINATOR && {
      message: `Credential should be scoped with a valid terminator: '${TERMINATOR}'.`,
      reason: `its credential does not end in ${TERMINATOR}`,
    },
    date !== day && {
      message: 'Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP.',
      reason: 'the day in its credential is not that of x-amz-date',
    },
  ].filter((fault) => fault !== false);
  if (faults.length === 0) return undefined;
  const join = (key: keyof ScopeFault, between: string) => faults.map((fault) => fault[key]).join(between);
  return { message: join('message', ' '), reason: join('reason', '; ') };
}
