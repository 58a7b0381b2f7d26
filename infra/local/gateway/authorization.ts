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

/** Parses the header. Returns a string that says what is wrong with it. */
export function parseAuthorization(header: string): Authorization | string {
  if (!header.startsWith(`${ALGORITHM} `)) return `Authorization header requires the algorithm '${ALGORITHM}'.`;
  const fields = new Map<string, string>();
  for (const part of header.slice(ALGORITHM.length).split(',')) {
    const [, name, value] = /^\s*([A-Za-z]+)=(\S+)\s*$/.exec(part) ?? [];
    if (name === undefined || value === undefined || fields.has(name)) {
      return 'Invalid key=value pair (missing equal-sign) in Authorization header.';
    }
    fields.set(name, value);
  }
  const missing = ['Credential', 'Signature', 'SignedHeaders'].filter((name) => !fields.has(name));
  if (missing.length > 0) return missing.map((name) => `Authorization header requires '${name}' parameter.`).join(' ');
  const [accessKeyId = '', date, region, service, terminator, ...rest] = (fields.get('Credential') ?? '').split('/');
  if (terminator === undefined || service === undefined || region === undefined || date === undefined || rest.length) {
    return 'Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term.';
  }
  return {
    accessKeyId,
    scope: [date, region, service, terminator],
    signedHeaders: (fields.get('SignedHeaders') ?? '').split(';'),
    signature: fields.get('Signature') ?? '',
  };
}

/** The faults of a scope for a request to this gateway, signed on `day` (`YYYYMMDD`); empty if there are none. */
export function scopeFault(
  [date, region, service, terminator]: CredentialScope,
  day: string,
  ownRegion: string,
): string {
  return [
    region === ownRegion ? '' : `Credential should be scoped to a valid region, not '${region}'.`,
    service === SERVICE ? '' : `Credential should be scoped to correct service: '${SERVICE}'.`,
    terminator === TERMINATOR ? '' : `Credential should be scoped with a valid terminator: '${TERMINATOR}'.`,
    date === day ? '' : 'Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP.',
  ]
    .filter((message) => message !== '')
    .join(' ');
}
