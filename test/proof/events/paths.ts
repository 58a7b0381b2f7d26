import { disturb } from './variants.ts';

/** How an event names the profile: as path parameter, in the path, or both. Absent members are left out. */
export interface PathParts {
  readonly parameter?: unknown;
  /** The whole path. */
  readonly path: unknown;
}

/** The variants of a kind, for a profile and the route of an endpoint. */
type Paths = (profile: string, route: string, variant: number) => readonly PathParts[];

/** Puts these into the path parameter in place of the profile. */
const parameters =
  (made: (profile: string) => readonly unknown[]): Paths =>
  (profile, route) =>
    made(profile).map((parameter) => ({
      parameter,
      path: `/${typeof parameter === 'string' ? parameter : profile}${route}`,
    }));

/** Paths without a path parameter. */
const paths =
  (made: (profile: string, route: string) => readonly unknown[]): Paths =>
  (profile, route) =>
    made(profile, route).map((path) => ({ path }));

const MEMBERS_OF_OBJECTS = ['__proto__', 'toString', 'hasOwnProperty', 'valueOf', 'prototype', 'profiles'];

/** The paths that name the profile of the plan. */
export const PLAIN_PATHS = {
  usual: (profile, route) => [{ parameter: profile, path: `/${profile}${route}` }],
  'under a stage or base path': (profile, route) =>
    ['/dev', '/base/path', ''].map((base) => ({ parameter: profile, path: `${base}/${profile}${route}` })),
  'without parameter': paths((name, route) =>
    ['/', '/dev/', '', `/other${route}/`].map((before) => `${before}${name}${route}`),
  ),
  'parameter and path differ': (name, route) =>
    [`/foreign${route}`, `/${name}/../foreign${route}`, '/', '/foreign/oauth/v2/keys', 7].map((path) => ({
      parameter: name,
      path,
    })),
} satisfies Readonly<Record<string, Paths>>;

/** Kinds of paths: in order, and with tricks. */
export const PATHS = {
  ...PLAIN_PATHS,
  'path and parameter differ': (profile, route) =>
    ['foreign', 'nobody', 'constructor', 'source'].map((parameter) => ({ parameter, path: `/${profile}${route}` })),
  'another profile': parameters(() => ['foreign', 'source', 'constructor']),
  'unknown profile': parameters((name) => ['nobody', 'a', `${name}s`, name.slice(0, -1), 'x'.repeat(63)]),
  'name that objects have': parameters(() => MEMBERS_OF_OBJECTS),
  'name in other letters': parameters((name) => [name.toUpperCase(), `O${name.slice(1)}`]),
  'name with something around it': parameters((name) => [
    ...[` ${name}`, `${name} `, `${name}\n`, `${name}\0`, `/${name}`, `${name}/`, `../${name}`, `${name}%20`],
    ...[`\ufeff${name}`, `${name}\ud800`, `${name};a=b`, `${name}.`],
  ]),
  'name with an escape': parameters((name) => [
    `%${name.charCodeAt(0).toString(16)}${name.slice(1)}`,
    ...[encodeURIComponent(`${name}/oauth`), '%', '%00', '%2e%2e'],
  ]),
  'look-alike name': parameters((name) => [name.replace('o', 'о'), name.replace('r', 'ｒ')]),
  'name of odd length': parameters(() => ['', 'o'.repeat(64), 'o'.repeat(100_000), '-', '0']),
  'parameter not a text': parameters((name) => [[name], null, 7, true, { profile: name }, { 0: name }]),
  'changed at random': (profile, route, variant) => [
    variant % 2 === 0
      ? { parameter: disturb(profile, variant), path: `/${profile}${route}` }
      : { path: disturb(`/${profile}${route}`, variant) },
  ],
  'odd path': paths((name, route) => [
    ...[`/${name}`, '', null, route, `//${route}`, `/${name}${route}/`, `/${name}${route}?a=b`],
    ...[`/${name}${route.toUpperCase()}`, `/${name}/${route}`, [`/${name}${route}`]],
    ...[`/${name}%2f${route.slice(1)}`, `/x/${name}\\..\\foreign${route}`],
  ]),
} satisfies Readonly<Record<string, Paths>>;
