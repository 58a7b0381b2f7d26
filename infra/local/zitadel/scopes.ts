import { ORG_DOMAIN, ROLE } from './accounts.ts';
import { type Reply, type Request, refuse } from './http.ts';

const STANDARD = new Set(['openid', 'profile', 'email', 'phone', 'address', 'offline_access']);

export const PROJECTS_ROLES = 'urn:zitadel:iam:org:projects:roles';
export const ROLE_PREFIX = 'urn:zitadel:iam:org:project:role:';
export const ROLE_ORG_PREFIX = 'urn:zitadel:iam:org:roles:id:';
export const RESOURCE_OWNER = 'urn:zitadel:iam:user:resourceowner';
export const ORG_ID_PREFIX = 'urn:zitadel:iam:org:id:';
export const ORG_DOMAIN_PREFIX = 'urn:zitadel:iam:org:domain:primary:';
const PROJECT_PREFIX = 'urn:zitadel:iam:org:project:id:';
const PROJECT_AUDIENCE = /^urn:zitadel:iam:org:project:id:(.*):aud$/;
const RESERVED = new Set([PROJECTS_ROLES, RESOURCE_OWNER, 'urn:zitadel:iam:user:metadata']);
const RESERVED_PREFIXES = [
  PROJECT_PREFIX,
  ORG_ID_PREFIX,
  ORG_DOMAIN_PREFIX,
  ROLE_ORG_PREFIX,
  'urn:zitadel:iam:org:idp:id:',
];

/** The id of the project of ZITADEL's own API, which scopes call `zitadel`. */
export const ZITADEL_PROJECT = '400877980232387622';

const namesForeignOrg = (scope: string, org: string): boolean =>
  (scope.startsWith(ORG_ID_PREFIX) && scope !== `${ORG_ID_PREFIX}${org}`) ||
  (scope.startsWith(ORG_DOMAIN_PREFIX) && scope !== `${ORG_DOMAIN_PREFIX}${ORG_DOMAIN}`);

/** What the scope of a service account asks for stays: any role may be named, but no organization except its own. */
export const allowsServiceAccount =
  (org: string) =>
  (scope: string): boolean =>
    (allows(scope) || scope.startsWith(ROLE_PREFIX)) && !namesForeignOrg(scope, org);

/** What the scope of an application asks for stays; roles must be roles of its project. */
export const allowsApplication = (scope: string): boolean => allows(scope) || scope === `${ROLE_PREFIX}${ROLE}`;

const allows = (scope: string): boolean =>
  STANDARD.has(scope) || RESERVED.has(scope) || RESERVED_PREFIXES.some((prefix) => scope.startsWith(prefix));

/** The scope parameter's values; an absent parameter has none, an empty one has the empty value. */
export const requestedScopes = ({ form }: Request): readonly string[] =>
  form.has('scope') ? form.last('scope').split(' ') : [];

/** Drops the scopes that are unknown or not allowed; there must have been some. */
export function keepAllowed(
  requested: readonly string[],
  isAllowed: (scope: string) => boolean,
): readonly string[] | Reply {
  if (requested.length > 0) return requested.filter(isAllowed);
  return refuse(
    'invalid_request',
    'The scope of your request is missing. Please ensure some scopes are requested. ' +
      'If you have any questions, you may contact the administrator of the application.',
  );
}

/** The audience that scopes request: any id, unchecked. */
export function audienceOf(scopes: readonly string[]): readonly string[] {
  const projects = scopes.flatMap((scope) => PROJECT_AUDIENCE.exec(scope)?.[1] ?? []);
  return [...new Set(projects.map((project) => (project === 'zitadel' ? ZITADEL_PROJECT : project)))];
}
