import { ACCOUNT, type Format, OTHER_ACCOUNT } from './setting.ts';
import { disturb, type Kinds, namesOf } from './variants.ts';

/** The session of the usual caller. */
export const USUAL = {
  partition: 'aws',
  account: ACCOUNT,
  role: 'orders-service',
  session: 'i-0abc',
  id: 'AROAEXAMPLEEXAMPLE000',
};

/** What API Gateway says about a signer, in the members that both payload formats have under different names. */
export interface Claims {
  readonly userArn: unknown;
  readonly accountId: unknown;
  readonly callerId: unknown;
  readonly userId: unknown;
}

/** How a caller differs from the usual one; a claim that is `undefined` is missing. */
export interface Identity extends Partial<typeof USUAL>, Partial<Claims> {
  /** Of the ARN, if not those of a session. */
  readonly service?: string;
  readonly region?: string;
  readonly resource?: string;
  /** Where the event holds the claims, if not where its format has them. */
  readonly place?: 'of the other format' | 'headers' | 'beside' | 'under __proto__';
}

/** The claims of a caller. */
export function claimsOf(identity: Identity): Claims {
  const { place: _, ...parts } = { ...USUAL, service: 'sts', region: '', ...identity };
  const { partition, account, role, session, id, service, region, resource, ...changed } = parts;
  const arn = `arn:${partition}:${service}:${region}:${account}:${resource ?? `assumed-role/${role}/${session}`}`;
  const callerId = `${id}:${session}`;
  return { userArn: arn, accountId: account, callerId, userId: callerId, ...changed };
}

/** In a literal, it would set the prototype and be no member. */
const PROTO = '__proto__';

/** The members of `requestContext` that say who signed. */
export function contextOf(format: Format, identity: Identity): object {
  const claims = claimsOf(identity);
  const { callerId, userId, ...rest } = claims;
  const iam = { accessKey: 'ASIAEXAMPLE', ...claims };
  const v2 = { authorizer: { iam } };
  const v1 = { identity: { accessKey: 'ASIAEXAMPLE', ...rest, caller: callerId, user: userId, sourceIp: '192.0.2.1' } };
  const [own, other] = format === '2.0' ? [v2, v1] : [v1, v2];
  const places = {
    'of its format': own,
    'of the other format': other,
    'under __proto__': {
      authorizer: { iam: { [PROTO]: iam } },
      identity: { [PROTO]: v1.identity },
      [PROTO]: { ...v2, ...v1 },
    },
    beside: { ...claims, ...iam, authorizer: { ...claims, jwt: { claims }, lambda: v2, claims }, iam },
    headers: {},
  };
  return places[identity.place ?? 'of its format'];
}

/** Identities that differ from the usual one in a single member. */
const each = (name: keyof Identity, ...values: readonly unknown[]): readonly Identity[] =>
  values.map((value) => ({ [name]: value }));

/** Identities with another id, both of the caller and of the user. */
const ids = (...values: readonly unknown[]): readonly Identity[] => values.map((id) => ({ callerId: id, userId: id }));

const ARN = String(claimsOf(USUAL).userArn);
const { id: ID, session: SESSION } = USUAL;

/** Every type of value that is no text, and texts that look like one of them. */
const NO_TEXTS = [null, 7, true, [ARN], { ARN }, '', {}, [], 'null', '[object Object]'];

/** Callers who prove a role that profiles list. */
const LISTED = {
  'listed role': [{}],
  'listed by the beginning of its name': each('role', 'batch-', 'batch-night', `batch-${'x'.repeat(58)}`),
  'listed in another partition': [{ partition: 'aws-us-gov', account: OTHER_ACCOUNT }],
  'another session': each('session', 'me', 'a.b@c=d,e_f+g-h', 'x'.repeat(64), '..'),
  'another id of the role': each('id', 'AROA', 'AROA0', 'A'.repeat(128)),
} satisfies Kinds<Identity>;

/** Callers who prove a role that comes near a listed one. */
const UNLISTED = {
  'another role': each('role', 'somebody', 'admin', 'x'),
  'another account': each('account', OTHER_ACCOUNT, '000000000000', '123456789013'),
  'another partition': each('partition', 'aws-cn', 'aws-us-gov', 'aws-iso-b'),
  'role in other letters': each('role', 'Orders-service', 'ORDERS-SERVICE', 'BATCH-night'),
  'role nearly so called': each(
    'role',
    ...['orders-servic', 'orders-service2', 'orders_service', 'batch', 'my-batch-night', 'orders-service.'],
  ),
  'service-linked role': each('role', 'AWSServiceRoleForECS', 'AWSReservedSSO_Admin_0123456789abcdef'),
  'session called like the role': ['somebody', 'i-0abc'].map((role) => ({ role, session: 'orders-service' })),
} satisfies Kinds<Identity>;

/** Callers whose ARN has the form of a session's, with a piece in it that AWS does not give. */
const MISNAMED = {
  'partition that is none': each(
    'partition',
    ...['AWS', 'aws-', 'aws-CN', 'awscn', 'evil', '', 'aws--cn', 'aws-cn2', '-aws', 'аws'],
  ),
  'account of odd digits': each(
    'account',
    ...['12345678901', '1234567890123', '12345678901x', '１２３４５６７８９０１２', '١٢٣٤٥٦٧٨٩٠١٢', '', '+23456789012'],
  ),
  'name of odd length': [
    ...each('role', '', 'x'.repeat(65)),
    ...each('session', '', 'x', 'x'.repeat(65)),
    { role: 'x'.repeat(100_000) },
  ],
  'name with what IAM forbids': [
    ...each('role', 'batch-*', 'orders service', 'orders-service?'),
    ...each('session', 'i-0abc*', 'i 0abc'),
    { role: 'órders' },
    { session: 'i-0abc;' },
  ],
} satisfies Kinds<Identity>;

/** Callers whose ARN is not that of a session of a role. */
const MISSHAPEN = {
  'IAM user': ['user/orders-service', 'user/assumed-role/orders-service/i-0abc'].map((resource) => ({
    service: 'iam',
    resource,
  })),
  'federated user': each(
    'resource',
    ...['federated-user/orders-service', 'federated-user/i-0abc', 'web-identity/orders-service/i-0abc'],
  ),
  root: [{ service: 'iam', resource: 'root' }, ...each('resource', 'root', 'self')],
  'role that nobody has assumed': [
    { service: 'iam', resource: 'role/orders-service' },
    ...each('resource', 'role/orders-service/i-0abc', 'assumed-role/orders-service'),
  ],
  'path in the role': each(
    'resource',
    'assumed-role/team/orders-service/i-0abc',
    'assumed-role//orders-service/i-0abc',
    'assumed-role/orders-service//i-0abc',
    'assumed-role/orders-service/x/i-0abc',
    'assumed-role/../orders-service/i-0abc',
    'assumed-role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS/i-0abc',
  ),
  'slash at an end': each(
    'resource',
    ...['assumed-role/orders-service/i-0abc/', '/assumed-role/orders-service/i-0abc'],
    ...['assumed-role/orders-service/', 'assumed-role//i-0abc'],
  ),
  'ARN of another service': each('service', 'iam', 's3', 'STS', ''),
  'ARN with a region': each('region', 'eu-central-1', ' '),
  'ARN with more or less in it': each(
    'userArn',
    ...[`${ARN}:x`, `x:${ARN}`, `${ARN}:`, ARN.slice(4), `arn:${ARN}`, `${ARN},${ARN}`, `${ARN} ${ARN}`],
    ARN.replace('::', ':'),
  ),
  'ARN in other letters': each(
    'userArn',
    ARN.toUpperCase(),
    ARN.replace('arn', 'Arn'),
    ARN.replace('assumed-role', 'Assumed-Role'),
    ARN.replace('assumed-role', 'assumedrole'),
  ),
  'look-alike letter': each(
    'userArn',
    ARN.replace('orders', 'оrders'),
    ARN.replace('orders', 'orderѕ'),
    ARN.replace('-service', '‑service'),
    ARN.replace('i-0abc', 'i-0аbc'),
    ARN.replace('assumed', 'аssumed'),
    ARN.replaceAll(':', '：'),
    ARN.replaceAll('/', '⁄'),
  ),
  'invisible character': each(
    'userArn',
    ...[`${ARN}\n`, ` ${ARN}`, `${ARN} `, `\ufeff${ARN}`],
    ...['orders\0', 'orders\u200b', '\u202eorders'].map((piece) => ARN.replace('orders', piece)),
    ...[`${ARN}\u2028`, `${ARN}\0`, ARN.replace('service', 'ser\rvice')],
  ),
  'lone surrogate': each('userArn', `${ARN}\ud800`, ARN.replace('orders', 'orders\udfff'), `\udc00${ARN}`),
  'escaped character': each(
    'userArn',
    ...[ARN.replace('-', '%2D'), ARN.replaceAll('/', '%2F'), `${ARN}%00`, ARN.replaceAll(':', '%3A')],
  ),
} satisfies Kinds<Identity>;

/** Callers about whom the members of the event say different things, or too little, or in another place. */
const CONTRADICTORY = {
  'account of another': [
    ...each('accountId', OTHER_ACCOUNT, '123456789013'),
    { account: OTHER_ACCOUNT, accountId: ACCOUNT },
  ],
  'account not a text of digits': each('accountId', 123456789012, [ACCOUNT], ` ${ACCOUNT}`, null, `${ACCOUNT}\n`),
  'session of another': ids(`${ID}:i-0def`, `${ID}:I-0ABC`, `${ID}:i-0abc2`, `${ID}:i-0ab`, `${ID}:orders-service`),
  'caller id without session': ids(ID, `${ID}:`, SESSION, `:${SESSION}`, ''),
  'caller id of odd form': ids(
    ...[`${ID}:${SESSION}:${SESSION}`, `${ID}::${SESSION}`, `aroa:${SESSION}`, `ARO:${SESSION}`, `${ID} :${SESSION}`],
    ...[`${ID}:${SESSION}\n`, `${ID}/${SESSION}`, `${'A'.repeat(129)}:${SESSION}`, `АROA000:${SESSION}`],
  ),
  'caller id not a text': ids(...NO_TEXTS),
  'user id of another': [
    ...each('userId', `${ID.slice(0, -1)}1:${SESSION}`, ID, null, [`${ID}:${SESSION}`]),
    { callerId: `AROAOTHER:${SESSION}` },
  ],
  'ARN not a text': each('userArn', ...NO_TEXTS),
  'member missing': namesOf(claimsOf(USUAL)).map((name) => ({ [name]: undefined })),
  'no identity': [{ userArn: undefined, accountId: undefined, callerId: undefined, userId: undefined }],
  'claims of the other format': each('place', 'of the other format'),
  'claims in the headers': each('place', 'headers'),
  'claims beside their place': each('place', 'beside'),
  'claims under __proto__': each('place', 'under __proto__'),
} satisfies Kinds<Identity>;

/** An object with one or two of its texts changed at random. */
function disturbSome(texts: object, variant: number): Identity {
  const entries = Object.entries(texts);
  const changed = [variant % entries.length, (variant >> 3) % entries.length];
  return Object.fromEntries(
    entries.map(([name, text], index) => [name, changed.includes(index) ? disturb(String(text), variant) : text]),
  );
}

/** Callers whose fate depends on the profile, or is known only to the authorisers. */
const OPEN = {
  'listed by one profile': [ACCOUNT, OTHER_ACCOUNT].map((account) => ({ account, role: 'somebody-else' })),
  'changed at random': (variant) => [disturbSome(variant % 2 === 0 ? USUAL : claimsOf(USUAL), variant >> 1)],
} satisfies Kinds<Identity>;

/** Kinds of callers by what becomes of them: let in where the profile lists the role; 403 always; 401; any of these. */
export const FATES = {
  listed: LISTED,
  unlisted: UNLISTED,
  untrusted: { ...MISNAMED, ...MISSHAPEN, ...CONTRADICTORY },
  open: OPEN,
} as const;

export const IDENTITIES = { ...FATES.listed, ...FATES.unlisted, ...FATES.untrusted, ...FATES.open };
