import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');

/** The rooms of `lib/broker`, in one line: each imports only what stands before it. */
const LINE = ['profiles', 'token', 'store', 'credentials', 'introspection', 'obtain'].map(
  (name) => `lib/broker/${name}`,
);
/** The use cases at its end, which know nothing of each other. */
const USE_CASES = ['exchange', 'federation', 'revocation', 'rotation'].map((name) => `lib/broker/${name}`);

const BELOW = ['lib/core', 'lib/oauth', 'lib/zitadel'];
const BROKER = [...LINE, ...USE_CASES];

/** What each room may import from, besides itself. An arrow is an import; nothing points back. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  'lib/core': [],
  'lib/oauth': ['lib/core'],
  'lib/net': ['lib/core', 'lib/oauth'],
  'lib/zitadel': ['lib/core', 'lib/oauth'],
  ...Object.fromEntries(LINE.map((room, index) => [room, [...BELOW, ...LINE.slice(0, index)]])),
  ...Object.fromEntries(USE_CASES.map((room) => [room, [...BELOW, ...LINE]])),
  'lib/http': [...BELOW, ...BROKER],
  'lib/aws': [...BELOW, ...BROKER, 'lib/net'],
  'lib/compose': [...BELOW, ...BROKER, 'lib/http', 'lib/aws', 'lib/net'],
  functions: ['lib/compose'],
  'infra/local/zitadel': ['infra/local'],
};

/** Packages that only some rooms may use. */
const PACKAGES: readonly (readonly [pattern: RegExp, rooms: readonly string[]])[] = [
  [/^@aws-sdk\/|^@smithy\//, ['lib/aws', 'infra/local']],
  [/^node:https?$/, ['lib/net', 'infra/local', 'infra/local/zitadel']],
];

const roomOf = (file: string): string => {
  const room = Object.keys(ALLOWED).filter((name) => file.startsWith(`${name}/`));
  return room.sort((a, b) => b.length - a.length)[0] ?? file.split('/').slice(0, 2).join('/');
};

/** What is wrong with the imports of a file; types count too. */
function violations(file: string, source: string): string[] {
  const room = roomOf(file);
  return [...source.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].flatMap(([, target = '']) => {
    if (!target.startsWith('.')) {
      const rule = PACKAGES.find(([pattern]) => pattern.test(target));
      return rule === undefined || rule[1].includes(room) ? [] : [`${file} imports ${target}`];
    }
    const to = roomOf(relative(root, resolve(root, dirname(file), target)));
    return to === room || ALLOWED[room]?.includes(to) ? [] : [`${file} imports ${to}`];
  });
}

const sources = (folder: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => `${folder}/${name}`);

test('every import points one way', () => {
  const files = [...sources('lib'), ...sources('functions'), ...sources('infra/local/zitadel')];
  expect(files.length).toBeGreaterThan(50);
  expect(files.flatMap((file) => violations(file, readFileSync(join(root, file), 'utf8')))).toEqual([]);
});

/** The files that a file imports. */
const importsOf = (file: string, source: string): string[] =>
  [...source.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map(([, target = '']) =>
    relative(root, resolve(root, dirname(file), target)),
  );

/** Files that import one another, by any number of steps: the first circle that there is. */
function findCircle(graph: ReadonlyMap<string, readonly string[]>): readonly string[] | undefined {
  const done = new Set<string>();
  function visit(file: string, path: readonly string[]): readonly string[] | undefined {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return undefined;
    for (const next of graph.get(file) ?? []) {
      const circle = visit(next, [...path, file]);
      if (circle !== undefined) return circle;
    }
    done.add(file);
    return undefined;
  }
  for (const file of graph.keys()) {
    const circle = visit(file, []);
    if (circle !== undefined) return circle;
  }
  return undefined;
}

test('no imports go round in a circle', () => {
  const files = ['lib', 'functions', 'infra'].flatMap(sources);
  const graph = new Map(files.map((file) => [file, importsOf(file, readFileSync(join(root, file), 'utf8'))]));
  expect(findCircle(graph)).toBeUndefined();
  const circle = new Map([
    ['a', ['b']],
    ['b', ['c', 'd']],
    ['d', ['b']],
  ]);
  expect(findCircle(circle)).toEqual(['b', 'd', 'b']);
});

describe('what would be found', () => {
  test.each([
    ['lib/core/x.ts', "import { a } from '../oauth/form.ts';", 'lib/core/x.ts imports lib/oauth'],
    [
      'lib/oauth/x.ts',
      "import type { A } from '../broker/token/demand.ts';",
      'lib/oauth/x.ts imports lib/broker/token',
    ],
    [
      'lib/broker/token/x.ts',
      "import type { A } from '../store/table.ts';",
      'lib/broker/token/x.ts imports lib/broker/store',
    ],
    [
      'lib/broker/exchange/x.ts',
      "import type { A } from '../revocation/revoke.ts';",
      'lib/broker/exchange/x.ts imports lib/broker/revocation',
    ],
    ['lib/http/x.ts', "export { a } from '../aws/call.ts';", 'lib/http/x.ts imports lib/aws'],
    [
      'lib/broker/store/x.ts',
      "import { b } from '../../../infra/local/table.ts';",
      'lib/broker/store/x.ts imports infra/local',
    ],
    [
      'lib/broker/store/x.ts',
      "import { b } from '@aws-sdk/client-dynamodb';",
      'lib/broker/store/x.ts imports @aws-sdk/client-dynamodb',
    ],
    ['functions/x.ts', "import { b } from '../lib/broker/token/demand.ts';", 'functions/x.ts imports lib/broker/token'],
    [
      'infra/local/zitadel/x.ts',
      "import { b } from '../../../lib/oauth/form.ts';",
      'infra/local/zitadel/x.ts imports lib/oauth',
    ],
  ])('%s: %s', (file, source, violation) => {
    expect(violations(file, source)).toEqual([violation]);
  });
});
