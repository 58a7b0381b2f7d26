import { constants, verify } from 'node:crypto';
import { JwtVerifier } from 'aws-jwt-verify';
import { START } from '../../support/fleet.ts';
import { BROKER, type Claims, KEY_OF, NOW, PARTIES, type PartyName, type SigningAlgorithm, TYPES } from './setting.ts';

/*
 * The second verifier. It shares nothing with the broker's: signatures, `iss`, `aud`, `exp` and `nbf` are checked by
 * aws-jwt-verify (PS256, which it does not know, by node:crypto), doubled members and spellings of base64url are found in
 * a way of its own, and the policy is written out for each profile of setting.ts from docs/federation.md.
 */

/** A request, as far as it decides. */
export interface Request {
  readonly profile: string;
  readonly type: string | undefined;
  readonly jwt: string | undefined;
  readonly clientId?: string;
  /** A signature of AWS beside the assertion. */
  readonly isSigned?: boolean;
}

type Read = ReadonlyMap<string, unknown>;

/** Whether an object of a JSON text names a member twice, in whatever spelling. */
function isDoubled(json: string): boolean {
  const open: Set<string>[] = [];
  for (const [sign, text = '', colon] of json.matchAll(/[{}]|("(?:[^"\\]|\\.)*")\s*(:)?/g)) {
    if (sign === '{') open.push(new Set());
    else if (sign === '}') open.pop();
    else if (colon !== undefined) {
      const name = JSON.parse(text) as string;
      if (open.at(-1)?.has(name)) return true;
      open.at(-1)?.add(name);
    }
  }
  return false;
}

/** Base64url without padding (RFC 7515 §2), in the one spelling that an encoder writes: bits that are left over are 0. */
const BASE64URL = /^(?:[\w-]{4})*(?:[\w-]{4}|[\w-][AQgw]|[\w-]{2}[AEIMQUYcgkosw048])$/;

/** Reads a part as JSON, of which each object becomes a map. */
function readPart(part: string): Read {
  const bytes = Buffer.from(part, 'base64url');
  const json = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  const value = JSON.parse(json, (_name, member) =>
    typeof member === 'object' && member !== null && !Array.isArray(member) ? new Map(Object.entries(member)) : member,
  );
  if (!(value instanceof Map) || isDoubled(json)) throw new SyntaxError();
  return value;
}

const isText = (value: unknown): value is string => typeof value === 'string';
const within = (value: unknown, name: string): unknown => (value instanceof Map ? value.get(name) : undefined);

/** Whether `text` is `prefix` and then a name without `/` and `:`. */
const isBelow = (text: unknown, prefix: string): boolean =>
  isText(text) && text.startsWith(prefix) && !/[/:]/.test(text.slice(prefix.length)) && !/[^!-~]/.test(text);

/** Whether a claim is a number of seconds that a date can be. */
const isSeconds = (value: unknown): value is number =>
  typeof value === 'number' && value > 0 && value < Number.MAX_SAFE_INTEGER / 1000;

const SKEW = 30;
const HOUR = 3600;
const AGES: Readonly<Partial<Record<PartyName, number>>> = { github: 300, partner: 300, idp: 600 };

function areTimesGood(claims: Read, party: PartyName): boolean {
  const [exp, iat, nbf] = ['exp', 'iat', 'nbf'].map((name) => claims.get(name));
  const longest = party === 'mesh' ? HOUR : 24 * HOUR;
  if (!isSeconds(exp) || exp <= NOW || exp > NOW + longest + SKEW) return false;
  if (claims.has('nbf') && !(isSeconds(nbf) && nbf <= NOW + SKEW)) return false;
  if (!claims.has('iat')) return party === 'mesh';
  if (!isSeconds(iat) || iat > NOW + SKEW || iat > exp) return false;
  return NOW - iat <= (AGES[party] ?? longest) && exp - iat <= longest;
}

const isStartedByOwners = (event: unknown): boolean =>
  isText(event) &&
  !['pull_request', 'merge_request', 'external_pull_request', 'parent_pipeline'].some((one) => event.startsWith(one));

/** Whether an issuer's own rules allow an assertion at all. */
function isAcceptable(claims: Read, party: PartyName): boolean {
  if (party === 'github') return isStartedByOwners(claims.get('event_name'));
  if (party === 'gitlab') return isStartedByOwners(claims.get('pipeline_source'));
  if (party !== 'partner') return true;
  const nested = claims.get('https://sts.amazonaws.com/');
  const isAbsentOr = (name: string, right: unknown) => {
    const said = [nested, claims].find((all) => all instanceof Map && all.has(name));
    return said === undefined || within(said, name) === right;
  };
  return isAbsentOr('subject_mode', 'AWSIdentity') && isAbsentOr('principal_id', claims.get('sub'));
}

/** Who may use which profile: what DOCUMENT says, in words. */
function mayUse(profile: string, party: PartyName, claims: Read): boolean {
  const is = (name: string, value: string) => claims.get(name) === value;
  const sub = claims.get('sub');
  const kubernetes = claims.get('kubernetes.io');
  const account = within(kubernetes, 'serviceaccount');
  const isPod = (namespace: string, name: unknown) =>
    within(kubernetes, 'namespace') === namespace && within(account, 'name') === name;
  const isOurJob = is('repository_id', '1') && is('repository_owner_id', '2');
  const isOurPipeline = is('project_id', '7') && is('namespace_id', '8');
  const isOfPartner = within(claims.get('https://sts.amazonaws.com/'), 'aws_account') === '210987654321';
  const SHOP = 'system:serviceaccount:shop:';
  const rules: Readonly<Record<string, boolean>> = {
    'orders cluster':
      isBelow(sub, `${SHOP}orders`) &&
      isBelow(within(account, 'name'), 'orders') &&
      isPod('shop', within(account, 'name')),
    'orders edge': is('sub', `${SHOP}till`) && isPod('shop', 'till'),
    'billing cluster': is('sub', 'system:serviceaccount:billing:billing') && isPod('billing', 'billing'),
    'orders github': isOurJob && is('ref', 'refs/heads/main'),
    'billing github': isOurJob && is('environment', 'production'),
    'orders gitlab':
      isOurPipeline && isBelow(claims.get('ref'), 'v') && is('ref_type', 'tag') && is('ref_protected', 'true'),
    'billing gitlab': isOurPipeline && is('environment', 'production'),
    'orders partner': isOfPartner && isBelow(sub, 'arn:aws:iam::210987654321:role/team/batch-'),
    'billing partner': isOfPartner && is('sub', 'arn:aws:iam::210987654321:role/billing'),
    'orders mesh': is('sub', 'spiffe://mesh.example/shop/app'),
    'billing mesh': isBelow(sub, 'spiffe://mesh.example/billing/'),
    'orders idp': is('sub', 'agent-1') && is('tenant', 'acme'),
  };
  return rules[`${profile} ${party}`] ?? false;
}

const names = Object.keys(PARTIES) as PartyName[];

/** Of `aws-jwt-verify`, one for each issuer; the audience is checked besides, for it accepts several. */
const verifiers = new Map(
  names.map((name) => {
    const { iss, pairs } = PARTIES[name];
    const jwksUri = 'https://unused.example';
    const issuer = name === 'mesh' ? null : iss;
    const verifier = JwtVerifier.create({ issuer, audience: null, jwksUri, graceSeconds: SKEW });
    const keys = Object.values(pairs).map(({ jwk }) => ({ ...jwk }));
    verifier.cacheJwks({ keys } as unknown as Parameters<typeof verifier.cacheJwks>[0]);
    return [name, verifier] as const;
  }),
);

/** Whether `aws-jwt-verify` accepts the assertion, at the time of the setting. */
function isVerifiedByAws(jwt: string, party: PartyName, audiences: readonly string[]): boolean {
  const realNow = Date.now;
  Date.now = () => START;
  try {
    verifiers.get(party)?.verifySync(jwt, { audience: [...audiences] } as never);
    return true;
  } catch {
    return false;
  } finally {
    Date.now = realNow;
  }
}

/** PS256 (RFC 7518 §3.5), which `aws-jwt-verify` does not know. */
function isPs256(jwt: string, party: PartyName, kid: string): boolean {
  const pair = Object.values(PARTIES[party].pairs).find(({ jwk }) => jwk.kid === kid);
  if (pair?.publicKey.asymmetricKeyType !== 'rsa') return false;
  const [head, body, signature = ''] = jwt.split('.');
  const key = { key: pair.publicKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
  return verify('sha256', Buffer.from(`${head}.${body}`), key, Buffer.from(signature, 'base64url'));
}

const FOREIGN_PARAMETERS = ['jku', 'jwk', 'x5u', 'x5c', 'crit', 'b64', 'zip', 'enc'];
const KNOWN_TYPES = ['JWT', 'jwt', 'JOSE', 'client-authentication+jwt'];

/** The claims and the issuer of an assertion that may be believed; `undefined` for any other. */
function examine(request: Request, audiences: readonly string[]): { party: PartyName; claims: Read } | undefined {
  const { jwt, type } = request;
  if (jwt === undefined || jwt.length > 8192) return undefined;
  const parts = jwt.split('.');
  if (parts.length !== 3 || !parts.every((part) => BASE64URL.test(part))) return undefined;
  const [head, claims] = parts.slice(0, 2).map(readPart) as [Read, Read];
  const { alg, kid, typ } = Object.fromEntries(head) as Claims;
  if (FOREIGN_PARAMETERS.some((name) => head.has(name))) return undefined;
  if (head.has('typ') && !KNOWN_TYPES.includes(typ as string)) return undefined;
  if (!isText(kid) || !/^[A-Za-z0-9_.~+/=:-]{1,256}$/.test(kid) || !isText(alg)) return undefined;
  const sub = claims.get('sub');
  if (!isText(sub) || !/^[!-~]{1,255}$/.test(sub)) return undefined;
  const party = names.find((name) =>
    name === 'mesh'
      ? type === TYPES.spiffe &&
        sub.startsWith('spiffe://mesh.example/') &&
        [undefined, PARTIES.mesh.iss].includes(claims.get('iss') as string)
      : type === TYPES.jwt && claims.get('iss') === PARTIES[name].iss,
  );
  if (party === undefined || !PARTIES[party].algorithms.some((one) => one === alg)) return undefined;
  const aud = claims.get('aud');
  const [only, ...more] = Array.isArray(aud) ? aud : [aud];
  if (more.length > 0 || !isText(only) || !audiences.includes(only)) return undefined;
  if (!areTimesGood(claims, party) || !isAcceptable(claims, party)) return undefined;
  // aws-jwt-verify takes an ECDSA signature for `alg: RS256` where the key itself names no `alg`.
  if (KEY_OF[alg as SigningAlgorithm] !== kid) return undefined;
  const isSigned = alg === 'PS256' ? isPs256(jwt, party, kid) : isVerifiedByAws(jwt, party, audiences);
  return isSigned ? { party, claims } : undefined;
}

/** How the broker must answer: the status and the error code. */
export function decide(request: Request): string {
  const { profile, clientId } = request;
  if (request.isSigned) return '400 invalid_request';
  const own = /^[a-z][a-z0-9-]{0,62}$/.test(profile) ? [`${BROKER}/${profile}`] : [];
  let examined: ReturnType<typeof examine>;
  try {
    examined = examine(request, [BROKER, ...own]);
  } catch (error) {
    // At what is not UTF-8, a decoder throws a TypeError.
    if (!(error instanceof SyntaxError || error instanceof TypeError)) throw error;
  }
  if (examined === undefined) return '401 invalid_client';
  if (!mayUse(profile, examined.party, examined.claims)) return '403 unauthorized_client';
  return clientId !== undefined && clientId !== profile ? '400 invalid_request' : '200';
}
