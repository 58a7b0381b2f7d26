import type { ProfileName } from './profiles.ts';
import { at, disturb } from './variants.ts';

/** How the profile stands in an event: as path parameter, in the path, or both. Absent members are left out. */
export interface PathParts {
  readonly parameter?: unknown;
  /** The whole path. */
  readonly path: unknown;
}

type MakePath = (profile: ProfileName, route: string, variant: number) => PathParts;

/** A kind whose variants are what the path parameter holds instead of the profile. */
const parameters =
  (...made: readonly [(profile: string) => unknown, ...((profile: string) => unknown)[]]): MakePath =>
  (profile, route, variant) => {
    const parameter = at(made, variant)(profile);
    return { parameter, path: `/${typeof parameter === 'string' ? parameter : profile}${route}` };
  };

/** A kind without path parameter, whose variants are paths. */
const paths =
  (
    ...made: readonly [(profile: string, route: string) => unknown, ...((profile: string, route: string) => unknown)[]]
  ): MakePath =>
  (profile, route, variant) => ({ path: at(made, variant)(profile, route) });

/** Kinds of paths: in order, and with tricks. */
export const PATHS = {
  usual: (profile, route) => ({ parameter: profile, path: `/${profile}${route}` }),
  'under a stage or base path': (profile, route, variant) => ({
    parameter: profile,
    path: `${at(['/dev', '/base/path', ''], variant)}/${profile}${route}`,
  }),
  'without parameter': paths(
    (profile, route) => `/${profile}${route}`,
    (profile, route) => `/dev/${profile}${route}`,
    (profile, route) => `${profile}${route}`,
    (profile, route) => `/other${route}/${profile}${route}`,
  ),
  'parameter and path differ': (profile, route, variant) => ({
    parameter: profile,
    path: at([`/foreign${route}`, `/${profile}/../foreign${route}`, '/', `/foreign/oauth/v2/keys`, 7], variant),
  }),
  'path and parameter differ': (profile, route, variant) => ({
    parameter: at(['foreign', 'nobody', 'constructor', 'source'], variant),
    path: `/${profile}${route}`,
  }),
  'another profile': parameters(
    () => 'foreign',
    () => 'source',
    () => 'constructor',
  ),
  'unknown profile': parameters(
    () => 'nobody',
    () => 'a',
    (profile) => `${profile}s`,
    (profile) => profile.slice(0, -1),
    () => 'x'.repeat(63),
  ),
  'name that objects have': parameters(
    () => '__proto__',
    () => 'toString',
    () => 'hasOwnProperty',
    () => 'valueOf',
    () => 'prototype',
    () => 'profiles',
  ),
  'name in other letters': parameters(
    (profile) => profile.toUpperCase(),
    (profile) => `O${profile.slice(1)}`,
  ),
  'name with something around it': parameters(
    (profile) => ` ${profile}`,
    (profile) => `${profile} `,
    (profile) => `${profile}\n`,
    (profile) => `${profile}\0`,
    (profile) => `/${profile}`,
    (profile) => `${profile}/`,
    (profile) => `../${profile}`,
    (profile) => `${profile}%20`,
    (profile) => `\ufeff${profile}`,
    (profile) => `${profile}\ud800`,
    (profile) => `${profile};a=b`,
    (profile) => `${profile}.`,
  ),
  'name with an escape': parameters(
    (profile) => `%${profile.charCodeAt(0).toString(16)}${profile.slice(1)}`,
    (profile) => encodeURIComponent(`${profile}/oauth`),
    () => '%',
    () => '%00',
    () => '%2e%2e',
  ),
  'look-alike name': parameters(
    (profile) => profile.replace('o', 'о'),
    (profile) => profile.replace('r', 'ｒ'),
  ),
  'name of odd length': parameters(
    () => '',
    () => 'o'.repeat(64),
    () => 'o'.repeat(100_000),
    () => '-',
    () => '0',
  ),
  'parameter not a text': parameters(
    (profile) => [profile],
    () => null,
    () => 7,
    () => true,
    (profile) => ({ profile }),
    (profile) => ({ 0: profile }),
  ),
  'changed at random': (profile, route, variant) =>
    variant % 2 === 0
      ? { parameter: disturb(profile, variant), path: `/${profile}${route}` }
      : { path: disturb(`/${profile}${route}`, variant) },
  'odd path': paths(
    (profile) => `/${profile}`,
    () => '',
    () => null,
    (_, route) => route,
    (_, route) => `//${route}`,
    (profile, route) => `/${profile}${route}/`,
    (profile, route) => `/${profile}${route}?a=b`,
    (profile, route) => `/${profile}${route.toUpperCase()}`,
    (profile, route) => `/${profile}/${route}`,
    (profile, route) => [`/${profile}${route}`],
    (profile, route) => `/${profile}%2f${route.slice(1)}`,
    (profile, route) => `/x/${profile}\\..\\foreign${route}`,
  ),
} as const satisfies Readonly<Record<string, MakePath>>;

export type PathName = keyof typeof PATHS;

/** Those in which the profile of the plan is the one that is meant. */
export const PLAIN_PATHS: readonly PathName[] = [
  'usual',
  'under a stage or base path',
  'without parameter',
  'parameter and path differ',
];
