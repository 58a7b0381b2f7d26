/** Opens ZITADEL's own API: its holder can give itself new keys. Never for callers. */
export const ZITADEL_API_SCOPE = 'urn:zitadel:iam:org:project:id:zitadel:aud';

/** Adds `id` (of a project or a client) to the `aud` of the token. */
export const audienceScope = (id: string): string => `urn:zitadel:iam:org:project:id:${id}:aud`;

const AUDIENCE_SCOPE = /^urn:zitadel:iam:org:project:id:(.+):aud$/;

/** Whether a token requested with these scopes carries an audience besides its own client. */
export const namesAudience = (scopes: readonly string[]): boolean => scopes.some((scope) => AUDIENCE_SCOPE.test(scope));

/** The one order and spelling of a set of scopes. */
export const canonicalScopes = (scopes: Iterable<string>): readonly string[] => [...new Set(scopes)].sort();
