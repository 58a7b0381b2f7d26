import { isLoopback } from '../../core/loopback.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { SECOND_MS } from '../../core/time.ts';
import { isScopeToken } from '../../oauth/grant.ts';
import { GRANTS, type Grant } from '../../zitadel/grant.ts';
import { canonicalScopes, ZITADEL_API_SCOPE } from '../../zitadel/scope.ts';
import { parseRolePattern, type RolePattern } from './caller.ts';
import { checkSubjects, resolveScopes } from './check.ts';
import { isMapping, list, type Path, type Report, unknownFields } from './document.ts';
import { parseExchangeRules } from './exchange-rules.ts';
import type { FederatedCaller } from './federated-caller.ts';
import { type DeclaredIssuers, parseFederatedCaller, parseIssuers } from './parse-federated.ts';
import {
  type Introspection,
  isProfileName,
  type Profile,
  type ProfileFault,
  type Profiles,
  type Revocation,
} from './profile.ts';
import { checkRotations, parseRotation } from './rotation.ts';
import { checkSecretReference } from './secret-reference.ts';

/** Which issuers profiles may use. */
export interface ProfileRules {
  /** `http` issuers on loopback: for a ZITADEL, or a stand-in, on the same machine. */
  readonly allowLoopbackHttp: boolean;
}

const DEFAULT_MIN_VALIDITY_SECONDS = 60;
/** The first segment of the paths for callers without IAM, so no profile's name. */
const RESERVED = 'federated';
/** Every field that a profile may have. */
export const PROFILE_FIELDS: readonly string[] = [
  'issuer',
  'secret',
  'scopes',
  'callers',
  'grant',
  'subject',
  'exchange',
  'introspection',
  'introspectionCacheSeconds',
  'revocation',
  'prewarm',
  'minValiditySeconds',
  'maxAgeSeconds',
  'rotation',
];

/** What is wrong with an issuer, which must be an origin and nothing more. */
function checkIssuer(text: unknown, { allowLoopbackHttp }: ProfileRules): string | undefined {
  const url = typeof text === 'string' && URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined) return 'must be a URL such as https://example.zitadel.cloud';
  const isLocal = url.protocol === 'http:' && isLoopback(url.hostname);
  if (url.protocol !== 'https:' && !isLocal) return 'must begin with https:// (http only for a loopback address)';
  if (isLocal && !allowLoopbackHttp) return 'may be http on a loopback address in the local stack only';
  return url.origin === text ? undefined : `must be the origin alone: ${url.origin}`;
}

const parseCallers = (value: unknown, path: Path, report: Report): readonly RolePattern[] =>
  list(value, path, report, (item) => parseRolePattern(String(item)));

/** Parses `callers` of a profile: ARNs of roles, and mappings for workloads of `issuers`. */
function parseAllCallers(
  value: unknown,
  issuers: DeclaredIssuers,
  path: Path,
  report: Report,
): Pick<Profile, 'callers' | 'federated'> {
  const all = list<RolePattern | FederatedCaller>(value, path, report, (item) =>
    isMapping(item) ? parseFederatedCaller(item, issuers) : parseRolePattern(String(item)),
  );
  const callers = all.filter((caller) => 'role' in caller);
  const federated = all.filter((caller) => 'rules' in caller);
  return { callers, ...(federated.length === 0 ? {} : { federated }) };
}

const parseOwnRotation = ({ rotation }: Readonly<Record<string, unknown>>, path: Path, report: Report) =>
  rotation === undefined ? {} : { rotation: parseRotation(rotation, [...path, 'rotation'], report) };

/** Parses `introspection`: the name of a secret, or a mapping. */
function parseIntrospection(value: unknown, path: Path, report: Report): Introspection {
  const fields = isMapping(value) ? value : { secret: value };
  unknownFields(fields, ['secret', 'callers', 'rotation'], path, report);
  const problem = checkSecretReference(fields.secret);
  if (problem !== undefined) report(isMapping(value) ? [...path, 'secret'] : path, problem);
  const { callers } = fields;
  return {
    secret: String(fields.secret),
    ...(callers === undefined ? {} : { callers: parseCallers(callers, [...path, 'callers'], report) }),
    ...parseOwnRotation(fields, path, report),
  };
}

/** Parses `revocation`: a mapping, because it must list its callers. */
function parseRevocation(value: unknown, path: Path, report: Report): Revocation {
  const fields = isMapping(value) ? value : { secret: value };
  unknownFields(fields, ['secret', 'clientId', 'callers', 'rotation'], path, report);
  const problem = checkSecretReference(fields.secret);
  if (problem !== undefined) report(isMapping(value) ? [...path, 'secret'] : path, problem);
  const { callers, clientId } = fields;
  if (callers === undefined && problem === undefined) {
    report(
      isMapping(value) ? [...path, 'callers'] : path,
      `lists no callers: write { secret: ${fields.secret}, callers: [ARNs of IAM roles] }; with [] no one may revoke`,
    );
  }
  const isText = typeof clientId === 'string' && isScopeToken(clientId);
  if (clientId !== undefined && !isText) report([...path, 'clientId'], 'must be the client id of the application');
  return {
    secret: String(fields.secret),
    ...(isText ? { clientId } : {}),
    callers: callers === undefined ? [] : parseCallers(callers, [...path, 'callers'], report),
    ...parseOwnRotation(fields, path, report),
  };
}

function checkScope(value: unknown): string | undefined {
  if (typeof value !== 'string' || !isScopeToken(value))
    return 'must be one scope: printable ASCII without spaces (RFC 6749 §3.3)';
  return value === ZITADEL_API_SCOPE
    ? "grants access to ZITADEL's own API and is never given to callers; remove it"
    : undefined;
}

/** Parses a whole number of seconds in a range; returns milliseconds. */
function seconds(value: unknown, { least, most }: { least: number; most: number }, path: Path, report: Report): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value * SECOND_MS;
  report(path, `must be a whole number of seconds from ${least} to ${most}`);
  return least * SECOND_MS;
}

function parseProfile(
  name: string,
  value: unknown,
  rules: ProfileRules,
  issuers: DeclaredIssuers,
  report: Report,
): Profile | undefined {
  const path = ['profiles', name];
  if (!isProfileName(name))
    report(path, 'must be a name of 1 to 63 lower-case letters, digits and hyphens, a letter first');
  if (name === RESERVED) report(path, 'is the path of callers without IAM (docs/federation.md); choose another name');
  if (!isMapping(value)) {
    report(path, `must be a mapping with ${PROFILE_FIELDS.slice(0, 4).join(', ')}`);
    return undefined;
  }
  const at = (field: string) => [...path, field];
  const check = (field: string, problem: string | undefined) => {
    if (problem !== undefined) report(at(field), value[field] === undefined ? `is missing; it ${problem}` : problem);
  };
  unknownFields(value, PROFILE_FIELDS, path, report);
  check('issuer', checkIssuer(value.issuer, rules));
  check('secret', checkSecretReference(value.secret));
  const scopes = list(value.scopes ?? [], at('scopes'), report, (item) => {
    const problem = checkScope(item);
    return problem === undefined ? ok(String(item)) : fail(problem);
  });
  const callers = parseAllCallers(value.callers ?? [], issuers, at('callers'), report);
  const { grant, subject, prewarm = false, minValiditySeconds = DEFAULT_MIN_VALIDITY_SECONDS, maxAgeSeconds } = value;
  const { exchange, introspection, introspectionCacheSeconds = 0, revocation } = value;
  if (grant !== undefined && !GRANTS.includes(grant as Grant))
    report(at('grant'), `must be one of ${GRANTS.join(', ')}`);
  if (subject !== undefined && typeof subject !== 'string') report(at('subject'), 'must be the name of a profile');
  if (typeof prewarm !== 'boolean') report(at('prewarm'), 'must be true or false');
  const minValidityMs = seconds(minValiditySeconds, { least: 5, most: 3600 }, at('minValiditySeconds'), report);
  const age = { least: 20, most: 2_592_000 };
  return {
    name,
    issuer: String(value.issuer),
    secret: String(value.secret),
    scopes: canonicalScopes(scopes),
    ...callers,
    ...(grant === undefined ? {} : { grant: grant as Grant }),
    ...(typeof subject === 'string' ? { subject } : {}),
    ...(exchange === undefined
      ? {}
      : { exchange: parseExchangeRules(exchange, canonicalScopes(scopes), at('exchange'), report) }),
    ...(introspection === undefined
      ? {}
      : { introspection: parseIntrospection(introspection, at('introspection'), report) }),
    introspectionCacheMs: seconds(
      introspectionCacheSeconds,
      { least: 0, most: 60 },
      at('introspectionCacheSeconds'),
      report,
    ),
    ...(revocation === undefined ? {} : { revocation: parseRevocation(revocation, at('revocation'), report) }),
    prewarm: prewarm === true,
    minValidityMs,
    ...(maxAgeSeconds === undefined ? {} : { maxAgeMs: seconds(maxAgeSeconds, age, at('maxAgeSeconds'), report) }),
    ...parseOwnRotation(value, path, report),
  };
}

/** Whether a fault is in a field or in a part of it, so that an invalid field is not also reported as missing. */
const isInField = (path: Path, field: Path): boolean => field.every((part, index) => path[index] === part);

/**
 * Parses the document of profiles: `{ issuers: { [name]: … }, profiles: { [name]: … } }`.
 * @returns the profiles, or every fault at once
 */
export function parseProfiles(document: unknown, rules: ProfileRules): Result<Profiles, readonly ProfileFault[]> {
  const faults: ProfileFault[] = [];
  const report: Report = (path, problem) => faults.push({ path, problem });
  if (!isMapping(document) || !isMapping(document.profiles)) {
    return fail([
      { path: isMapping(document) ? ['profiles'] : [], problem: 'must be a mapping: profiles: { name: … }' },
    ]);
  }
  unknownFields(document, ['issuers', 'profiles'], [], report);
  const issuers = parseIssuers(document.issuers, rules.allowLoopbackHttp, report);
  const profiles = new Map<string, Profile>();
  for (const [name, value] of Object.entries(document.profiles)) {
    const profile = parseProfile(name, value, rules, issuers, report);
    if (profile !== undefined) profiles.set(name, profile);
  }
  if (profiles.size === 0 && faults.length === 0) report(['profiles'], 'must hold at least one profile');
  const amongProfiles = [...checkSubjects(profiles), ...checkRotations(profiles)];
  faults.push(...amongProfiles.filter(({ path }) => !faults.some((known) => isInField(known.path, path))));
  return faults.length === 0 ? ok(resolveScopes(profiles)) : fail(faults);
}
