import type { JsonWebKey } from 'node:crypto';
import { isLoopback } from '../../core/loopback.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { SECOND_MS } from '../../core/time.ts';
import { isMapping, list, type Path, type Report, unknownFields } from './document.ts';
import {
  ALGORITHMS,
  type Algorithm,
  type ClaimRule,
  type FederatedCaller,
  type FederatedIssuer,
  ISSUER_KINDS,
  type IssuerKind,
} from './federated-caller.ts';
import { AWS_CLAIMS, KINDS, type Kind } from './issuer-kinds.ts';

type Fields = Readonly<Record<string, unknown>>;

/** An issuer of the document, and the AWS account that it vouches for. */
interface Declared {
  readonly issuer: FederatedIssuer;
  readonly account?: string;
}
export type DeclaredIssuers = ReadonlyMap<string, Declared>;

const COMMON_FIELDS = ['kind', 'issuer', 'algorithms', 'maxAgeSeconds', 'jwksUri', 'jwks'];
/** Fields that only one kind has: in another they would be ignored. */
const OWN_FIELDS: Readonly<Partial<Record<IssuerKind, string>>> = { spiffe: 'trustDomain', aws: 'account' };
/** The fields of issuers of all kinds. */
export const ISSUER_FIELDS: readonly string[] = [...COMMON_FIELDS, ...Object.values(OWN_FIELDS)];
const MOST_SECONDS = 86_400;

/** Whether a text is the one spelling of an https URL that a comparison of characters can trust. */
function isExactUrl(text: unknown, allowLoopbackHttp: boolean): text is string {
  if (typeof text !== 'string' || !URL.canParse(text)) return false;
  const { protocol, hostname, username, search, hash, href, origin } = new URL(text);
  const isSecure = protocol === 'https:' || (allowLoopbackHttp && protocol === 'http:' && isLoopback(hostname));
  return isSecure && username === '' && search === '' && hash === '' && (text === href || text === origin);
}

/** A public key; a private or symmetric one must not stand in the profiles. */
const isPublicKey = (key: unknown): key is JsonWebKey =>
  isMapping(key) && ['RSA', 'EC', 'OKP'].includes(String(key.kty)) && typeof key.kid === 'string' && !('d' in key);

function parseIssuer(name: string, value: unknown, allowLoopbackHttp: boolean, report: Report): Declared | undefined {
  const path: Path = ['issuers', name];
  if (!/^[a-z][a-z0-9-]{0,62}$/.test(name)) report(path, 'must be a name of lower-case letters, digits and hyphens');
  if (!isMapping(value) || !ISSUER_KINDS.includes(value.kind as IssuerKind)) {
    report(path, `must be a mapping with kind: ${ISSUER_KINDS.join(', ')}`);
    return undefined;
  }
  const kindName = value.kind as IssuerKind;
  const kind: Kind = KINDS[kindName];
  const own = OWN_FIELDS[kindName];
  unknownFields(value, own === undefined ? COMMON_FIELDS : [...COMMON_FIELDS, own], path, report);
  const { trustDomain, account, maxAgeSeconds, jwksUri, jwks } = value;
  const issuer = kindName === 'spiffe' ? `spiffe://${trustDomain}` : (value.issuer ?? kind.issuer);
  if (kindName === 'spiffe') {
    if (!/^[a-z0-9._-]{1,255}$/.test(String(trustDomain))) report([...path, 'trustDomain'], 'must be a trust domain');
    if (jwksUri === undefined && jwks === undefined)
      report([...path, 'jwksUri'], 'is missing: a trust domain has no metadata; write the URL of its bundle, or jwks');
  }
  const iss = kindName === 'spiffe' ? value.issuer : issuer;
  if (!(kindName === 'spiffe' && iss === undefined) && !isExactUrl(iss, allowLoopbackHttp)) {
    report([...path, 'issuer'], 'must be the exact https URL that `iss` contains: lower case, no user, no query');
  }
  if (kindName === 'aws' && !/^\d{12}$/.test(String(account)))
    report([...path, 'account'], 'must be the AWS account of the issuer: 12 digits in quotes');
  if (jwksUri !== undefined && !isExactUrl(jwksUri, allowLoopbackHttp))
    report([...path, 'jwksUri'], 'must be an https URL');
  const age = maxAgeSeconds ?? (kind.maxAgeMs === undefined ? undefined : kind.maxAgeMs / SECOND_MS);
  if (age !== undefined && !(Number.isInteger(age) && Number(age) >= 1 && Number(age) <= MOST_SECONDS))
    report([...path, 'maxAgeSeconds'], `must be a whole number of seconds from 1 to ${MOST_SECONDS}`);
  const algorithms = list(value.algorithms ?? kind.algorithms, [...path, 'algorithms'], report, (item) =>
    ALGORITHMS.includes(item as Algorithm) ? ok(item as Algorithm) : fail(`must be one of ${ALGORITHMS.join(', ')}`),
  );
  if (Array.isArray(value.algorithms) && value.algorithms.length === 0)
    report([...path, 'algorithms'], 'must name at least one');
  if (Array.isArray(jwks) && jwks.length === 0) report([...path, 'jwks'], 'must hold at least one key');
  const keys =
    jwks === undefined
      ? undefined
      : list(jwks, [...path, 'jwks'], report, (key) =>
          isPublicKey(key) ? ok(key) : fail('must be a public key (RFC 7517) with kid, without private members'),
        );
  return {
    issuer: {
      name,
      kind: kindName,
      issuer: String(issuer),
      ...(kindName === 'spiffe' && typeof iss === 'string' ? { iss } : {}),
      algorithms,
      ...(age === undefined ? {} : { maxAgeMs: Number(age) * SECOND_MS }),
      ...(typeof jwksUri === 'string' ? { jwksUri } : {}),
      ...(keys === undefined ? {} : { jwks: keys }),
    },
    ...(typeof account === 'string' ? { account } : {}),
  };
}

/** Parses `issuers` of the document: by name, whose tokens authenticate callers. */
export function parseIssuers(value: unknown, allowLoopbackHttp: boolean, report: Report): DeclaredIssuers {
  const issuers = new Map<string, Declared>();
  if (value === undefined) return issuers;
  if (!isMapping(value)) report(['issuers'], 'must be a mapping: issuers: { name: { kind: … } }');
  for (const [name, fields] of Object.entries(isMapping(value) ? value : {})) {
    const parsed = parseIssuer(name, fields, allowLoopbackHttp, report);
    if (parsed === undefined) continue;
    const twin = [...issuers.values()].find(({ issuer }) => issuer.issuer === parsed.issuer.issuer);
    if (twin !== undefined) report(['issuers', name], `has the same issuer as ${twin.issuer.name}`);
    issuers.set(name, parsed);
  }
  return issuers;
}

const rule = (claim: readonly string[], text: string): ClaimRule => {
  const isPrefix = text.endsWith('*');
  return { claim, value: isPrefix ? text.slice(0, -1) : text, isPrefix };
};

/** The rules of a matcher of a kind with fields. */
function rulesOf(kind: Kind, fields: Fields): Result<readonly ClaimRule[], string> {
  for (const name of Object.keys(fields))
    if (!(name in kind.fields))
      return fail(`has an unknown field ${name}; the fields are ${Object.keys(kind.fields).join(', ')}`);
  const { oneOf = [] } = kind;
  if (oneOf.length > 0 && !oneOf.some((name) => name in fields))
    return fail(
      `must name ${oneOf.join(' or ')}: otherwise every branch, also of a pull request, could use the profile`,
    );
  const rules: ClaimRule[] = [];
  for (const [name, { claims, isRequired, mayEndInStar, pattern, form }] of Object.entries(kind.fields)) {
    const value = fields[name];
    if (value === undefined && !isRequired) continue;
    const bare = typeof value === 'string' && mayEndInStar ? value.replace(/\*$/, '') : value;
    if (typeof bare !== 'string' || !pattern.test(bare)) return fail(`${name} must be ${form}`);
    for (const { claim, template } of claims) {
      const filled = template?.replace(/\{(\w+)\}/g, (_all, field: string) => String(fields[field]));
      rules.push(rule(claim, filled ?? String(value)));
    }
  }
  return ok(rules);
}

/** The rules of `oidc`: exact claims, `sub` among them. */
function exactRules(fields: Fields): Result<readonly ClaimRule[], string> {
  const { claims, ...others } = fields;
  if (Object.keys(others).length > 0 || !isMapping(claims) || typeof claims.sub !== 'string')
    return fail('must have claims: { sub: … }, a mapping of claims to their exact values');
  const entries = Object.entries(claims);
  if (entries.some(([, value]) => typeof value !== 'string' || !/^[\x20-\x29\x2b-\x7e]{1,255}$/.test(value)))
    return fail('claims must be texts of printable ASCII, without *');
  return ok(entries.map(([name, value]) => ({ claim: [name], value: String(value), isPrefix: false })));
}

/**
 * Parses a caller that is not an IAM role: `{ kind: { issuer, … } }`. The issuer defaults to the one named as the kind.
 * @returns the caller, or a sentence that says what to write instead
 */
export function parseFederatedCaller(item: Fields, issuers: DeclaredIssuers): Result<FederatedCaller, string> {
  const [[kindName, value] = ['', undefined], ...more] = Object.entries(item);
  if (more.length > 0 || !ISSUER_KINDS.includes(kindName as IssuerKind) || !isMapping(value))
    return fail(`must be the ARN of an IAM role, or a mapping with one of ${ISSUER_KINDS.join(', ')}`);
  const { issuer: named = kindName, ...fields } = value;
  const declared = issuers.get(String(named));
  if (declared?.issuer.kind !== kindName)
    return fail(`names no issuer of this kind; add ${String(named)}: { kind: ${kindName} } to issuers`);
  const rules = kindName === 'oidc' ? exactRules(fields) : rulesOf(KINDS[kindName as IssuerKind], fields);
  if (!rules.ok) return rules;
  const { issuer, account } = declared;
  if (kindName === 'spiffe' && !String(fields.id).startsWith(`${issuer.issuer}/`))
    return fail(`id must begin with ${issuer.issuer}/, the trust domain of the issuer`);
  if (account === undefined) return ok({ issuer, rules: rules.value });
  if (kindName === 'aws' && String(fields.role).split(':')[4] !== account)
    return fail(`role must be of the account ${account}, which the issuer is for`);
  return ok({ issuer, rules: [...rules.value, rule([AWS_CLAIMS, 'aws_account'], account)] });
}
