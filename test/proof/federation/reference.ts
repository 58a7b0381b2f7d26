import { constants, verify } from 'node:crypto';
import { JwtVerifier } from 'aws-jwt-verify';
import {
  BROKER,
  type Claims,
  KEY_OF,
  NOW,
  NOW_MS,
  PARTIES,
  type PartyName,
  partyNamed,
  type SigningAlgorithm,
  TYPES,
} from './setting.ts';

/*
 * The second verifier. It shares nothing with the broker's: signatures, `iss`, `aud`, `exp` and `nbf` are checked by
 * aws-jwt-verify (PS256, which it does not know, by node:crypto), JSON is read by a parser of its own, and the policy is
 * written out for each profile of setting.ts from docs/federation.md.
 */

/** A request, as far as it decides. */
export interface Request {
  readonly profile: string;
  readonly type: string | undefined;
  readonly jwt: string | undefined;
  readonly clientId: string | undefined;
  /** A signature of AWS beside the assertion. */
  readonly isSigned: boolean;
}

class Malformed extends Error {}

/** A parser of JSON (RFC 8259) that refuses a member that is named twice. */
function parseStrictly(text: string): unknown {
  let at = 0;
  const fail = (): never => {
    throw new Malformed();
  };
  const skip = () => {
    while (' \t\n\r'.includes(text[at] ?? 'x')) at += 1;
  };
  const take = (token: string) => {
    if (!text.startsWith(token, at)) fail();
    at += token.length;
  };
  const taken = <T>(token: string, value: T): T => {
    take(token);
    return value;
  };
  const matched = (pattern: RegExp): string => {
    pattern.lastIndex = at;
    const [found] = pattern.exec(text) ?? fail();
    at += found.length;
    return found;
  };
  // biome-ignore lint/suspicious/noControlCharactersInRegex: JSON forbids them.
  const readText = () => JSON.parse(matched(/"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y)) as string;
  function readValue(): unknown {
    skip();
    const sign = text[at];
    let value: unknown;
    if (sign === '{') value = readObject();
    else if (sign === '[') value = readArray();
    else if (sign === '"') value = readText();
    else if (sign === 't') value = taken('true', true);
    else if (sign === 'f') value = taken('false', false);
    else if (sign === 'n') value = taken('null', null);
    else value = Number(matched(/-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y));
    skip();
    return value;
  }
  function readObject(): Map<string, unknown> {
    const members = new Map<string, unknown>();
    take('{');
    skip();
    if (text[at] !== '}') {
      for (;;) {
        skip();
        const name = readText();
        if (members.has(name)) fail();
        skip();
        take(':');
        members.set(name, readValue());
        if (text[at] !== ',') break;
        at += 1;
      }
    }
    take('}');
    return members;
  }
  function readArray(): unknown[] {
    const items: unknown[] = [];
    take('[');
    skip();
    if (text[at] !== ']') {
      for (;;) {
        items.push(readValue());
        if (text[at] !== ',') break;
        at += 1;
      }
    }
    take(']');
    return items;
  }
  const value = readValue();
  return at === text.length ? value : fail();
}

type Read = ReadonlyMap<string, unknown>;

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** Base64url without padding (RFC 7515 §2), in the one spelling that an encoder writes. */
function decode(part: string): Uint8Array {
  const bytes: number[] = [];
  let bits = 0;
  let held = 0;
  for (const sign of part) {
    const value = ALPHABET.indexOf(sign);
    if (value < 0) throw new Malformed();
    bits = (bits << 6) | value;
    held += 6;
    if (held >= 8) {
      held -= 8;
      bytes.push(bits >> held);
      bits &= (1 << held) - 1;
    }
  }
  if (part === '' || held === 6 || bits !== 0) throw new Malformed();
  return Uint8Array.from(bytes);
}

function readPart(part: string): Read {
  const value = parseStrictly(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(decode(part)));
  if (!(value instanceof Map)) throw new Malformed();
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
  const modes = [nested instanceof Map && nested.has('subject_mode') ? nested.get('subject_mode') : 'AWSIdentity'];
  if (!(nested instanceof Map && nested.has('subject_mode')) && claims.has('subject_mode'))
    modes.push(claims.get('subject_mode'));
  const asked = [nested, claims].find((all) => all instanceof Map && all.has('principal_id'));
  return (
    modes.every((mode) => mode === 'AWSIdentity') &&
    (asked === undefined || within(asked, 'principal_id') === claims.get('sub'))
  );
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
  switch (`${profile} ${party}`) {
    case 'orders cluster':
      return (
        isBelow(sub, `${SHOP}orders`) &&
        isBelow(within(account, 'name'), 'orders') &&
        isPod('shop', within(account, 'name'))
      );
    case 'orders edge':
      return is('sub', `${SHOP}till`) && isPod('shop', 'till');
    case 'billing cluster':
      return is('sub', 'system:serviceaccount:billing:billing') && isPod('billing', 'billing');
    case 'orders github':
      return isOurJob && is('ref', 'refs/heads/main');
    case 'billing github':
      return isOurJob && is('environment', 'production');
    case 'orders gitlab':
      return isOurPipeline && isBelow(claims.get('ref'), 'v') && is('ref_type', 'tag') && is('ref_protected', 'true');
    case 'billing gitlab':
      return isOurPipeline && is('environment', 'production');
    case 'orders partner':
      return isOfPartner && isBelow(sub, 'arn:aws:iam::210987654321:role/team/batch-');
    case 'billing partner':
      return isOfPartner && is('sub', 'arn:aws:iam::210987654321:role/billing');
    case 'orders mesh':
      return is('sub', 'spiffe://mesh.example/shop/app');
    case 'billing mesh':
      return isBelow(sub, 'spiffe://mesh.example/billing/');
    case 'orders idp':
      return is('sub', 'agent-1') && is('tenant', 'acme');
    default:
      return false;
  }
}

const names = Object.keys(PARTIES) as PartyName[];

/** Of `aws-jwt-verify`, one for each issuer; the audience is checked besides, for it accepts several. */
const verifiers = new Map(
  names.map((name) => {
    const { iss, pairs } = partyNamed(name);
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
  Date.now = () => NOW_MS;
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
  const pair = Object.values(partyNamed(party).pairs).find(({ jwk }) => jwk.kid === kid);
  if (pair?.publicKey.asymmetricKeyType !== 'rsa') return false;
  const [head, body, signature = ''] = jwt.split('.');
  const key = { key: pair.publicKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
  return verify('sha256', Buffer.from(`${head}.${body}`), key, decode(signature));
}

const FOREIGN_PARAMETERS = ['jku', 'jwk', 'x5u', 'x5c', 'crit', 'b64', 'zip', 'enc'];
const KNOWN_TYPES = ['JWT', 'jwt', 'JOSE', 'client-authentication+jwt'];

/** The claims and the issuer of an assertion that may be believed; `undefined` for any other. */
function examine(request: Request, audiences: readonly string[]): { party: PartyName; claims: Read } | undefined {
  const { jwt, type } = request;
  if (jwt === undefined || jwt.length > 8192) return undefined;
  const parts = jwt.split('.');
  if (parts.length !== 3) return undefined;
  const [head, claims] = parts.slice(0, 2).map(readPart) as [Read, Read];
  decode(parts[2] ?? '');
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
      : type === TYPES.jwt && claims.get('iss') === partyNamed(name).iss,
  );
  if (party === undefined || !partyNamed(party).algorithms.some((one) => one === alg)) return undefined;
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
    // A decoder throws a TypeError at what is not UTF-8.
    if (!(error instanceof Malformed || error instanceof TypeError)) throw error;
  }
  if (examined === undefined) return '401 invalid_client';
  if (!mayUse(profile, examined.party, examined.claims)) return '403 unauthorized_client';
  return clientId !== undefined && clientId !== profile ? '400 invalid_request' : '200';
}
