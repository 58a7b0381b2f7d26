import { ORG_DOMAIN, type ServiceAccount } from './accounts.ts';
import {
  audienceOf,
  ORG_DOMAIN_PREFIX,
  ORG_ID_PREFIX,
  PROJECTS_ROLES,
  RESOURCE_OWNER,
  ROLE_ORG_PREFIX,
  ROLE_PREFIX,
} from './scopes.ts';

export type Claims = Readonly<Record<string, unknown>>;

const ORG_NAME = 'ZITADEL';

/** Who asks for the claims. */
export interface Asker {
  /** The project that they are for; a service account that asks for itself has none. */
  readonly projectId?: string;
  /** An introspecting application sees the roles of its own project only, asked for or not. */
  readonly ownProjectOnly?: boolean;
}

const suffixes = (scopes: readonly string[], prefix: string): readonly string[] =>
  scopes.filter((scope) => scope.startsWith(prefix)).map((scope) => scope.slice(prefix.length));

/** The roles that scopes ask for and the account holds, as claims. */
export function roleClaims(
  user: ServiceAccount,
  org: string,
  scopes: readonly string[],
  { projectId, ownProjectOnly = false }: Asker,
): Claims {
  const requested = suffixes(scopes, ROLE_PREFIX);
  const asksForRoles = requested.length > 0 || scopes.includes(PROJECTS_ROLES);
  const projects = new Set(asksForRoles && !ownProjectOnly ? audienceOf(scopes) : []);
  if (projectId !== undefined && (ownProjectOnly || projects.size > 0 || requested.length > 0)) projects.add(projectId);
  const orgs = suffixes(scopes, ROLE_ORG_PREFIX);
  if (orgs.length > 0 && !orgs.includes(org)) return {};

  const claims: Record<string, unknown> = {};
  for (const project of projects) {
    const held = (user.roles.get(project) ?? []).filter((role) => requested.length === 0 || requested.includes(role));
    if (held.length === 0) continue;
    const roles = Object.fromEntries(held.map((role) => [role, { [org]: ORG_DOMAIN }]));
    claims[`urn:zitadel:iam:org:project:${project}:roles`] = roles;
    if (project === projectId) claims['urn:zitadel:iam:org:project:roles'] = roles;
  }
  return claims;
}

/** The claims about the account's organization that scopes ask for. */
export function orgClaims(org: string, scopes: readonly string[]): Claims {
  const [orgId] = suffixes(scopes, ORG_ID_PREFIX);
  const [domain] = suffixes(scopes, ORG_DOMAIN_PREFIX);
  return {
    ...(domain === undefined ? {} : { 'urn:zitadel:iam:org:domain:primary': domain }),
    ...(orgId === undefined ? {} : { 'urn:zitadel:iam:org:id': orgId }),
    ...(orgId === undefined && !scopes.includes(RESOURCE_OWNER)
      ? {}
      : {
          [`${RESOURCE_OWNER}:id`]: org,
          [`${RESOURCE_OWNER}:name`]: ORG_NAME,
          [`${RESOURCE_OWNER}:primary_domain`]: ORG_DOMAIN,
        }),
  };
}

/** The claims of the scope `profile`. */
export const profileClaims = ({ username, changedMs }: ServiceAccount, scopes: readonly string[]): Claims =>
  scopes.includes('profile')
    ? { name: username, preferred_username: username, updated_at: Math.floor(changedMs / 1000) }
    : {};
