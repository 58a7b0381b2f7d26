/** Grants access to ZITADEL's own API, where a token's holder can create keys for itself. Never given to callers. */
export const ZITADEL_API_SCOPE = 'urn:zitadel:iam:org:project:id:zitadel:aud';

/** The value of `audience` that requests ZITADEL's own project. */
export const ZITADEL_PROJECT = 'zitadel';

/** The scope that adds `id` (of a project or a client) to the `aud` of the token. */
export const audienceScope = (id: string): string => `urn:zitadel:iam:org:project:id:${id}:aud`;

const AUDIENCE_SCOPE = /^urn:zitadel:iam:org:project:id:(.+):aud$/;

/** The audiences, sorted, of a token requested with these scopes, besides its own client. */
export const audiencesOf = (scopes: readonly string[]): readonly string[] =>
  [...new Set(scopes.flatMap((scope) => AUDIENCE_SCOPE.exec(scope)?.[1] ?? []))].sort();

/** Whether a token requested with these scopes has an audience besides its own client. */
export const namesAudience = (scopes: readonly string[]): boolean => audiencesOf(scopes).length > 0;

/** The effective scopes of a token with these audiences: an audience scope without its audience has no effect. */
export const scopesWithin = (scopes: readonly string[], audiences: readonly string[]): readonly string[] =>
  scopes.filter((scope) => {
    const [, audience] = AUDIENCE_SCOPE.exec(scope) ?? [];
    return audience === undefined || audiences.includes(audience);
  });

/** A set of scopes in canonical form: sorted, without duplicates. */
export const canonicalScopes = (scopes: Iterable<string>): readonly string[] => [...new Set(scopes)].sort();
