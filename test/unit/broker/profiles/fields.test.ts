import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import schema from '../../../../infra/profiles.schema.json' with { type: 'json' };
import { ISSUER_KINDS } from '../../../../lib/broker/profiles/federated-caller.ts';
import { KINDS } from '../../../../lib/broker/profiles/issuer-kinds.ts';
import { PROFILE_FIELDS } from '../../../../lib/broker/profiles/parse.ts';
import { ISSUER_FIELDS } from '../../../../lib/broker/profiles/parse-federated.ts';

const { properties } = schema.definitions.profile;
const exchangeFields = Object.keys(properties.exchange.properties).map((name) => `exchange.${name}`);

test('the schema and the parser know the same fields', () => {
  expect(Object.keys(properties).sort()).toEqual([...PROFILE_FIELDS].sort());
});

test('docs/profiles.md explains every field', () => {
  const text = readFileSync(join(import.meta.dirname, '../../../../docs/profiles.md'), 'utf8');
  const [table = ''] = text.split('\n\n').filter((block) => block.includes('| `issuer` |'));
  const explained = [...table.matchAll(/^\| `([\w.]+)` \|/gm)].map(([, name = '']) => name);
  expect(explained.sort()).toEqual([...PROFILE_FIELDS, ...exchangeFields].sort());
});

/** The rows of a table of docs/federation.md, by the first cell, which is in code. */
function rowsOf(heading: string): ReadonlyMap<string, readonly string[]> {
  const text = readFileSync(join(import.meta.dirname, '../../../../docs/federation.md'), 'utf8');
  const table = text.split('\n\n').find((block) => block.startsWith(`| ${heading} |`)) ?? '';
  const rows = [...table.matchAll(/^\| `(\w+)` \| (.*) \|$/gm)];
  return new Map(rows.map(([, name = '', rest = '']) => [name, rest.split(' | ')]));
}

const inCode = (cell = ''): readonly string[] => [...cell.matchAll(/`(\w+)`/g)].map(([, word = '']) => word).sort();

const { issuer, federatedCaller } = schema.definitions;

test('schema, parser and docs/federation.md know the same fields of an issuer', () => {
  expect(Object.keys(issuer.properties).sort()).toEqual([...ISSUER_FIELDS].sort());
  expect([...rowsOf('field of an issuer').keys()].sort()).toEqual([...ISSUER_FIELDS].sort());
  expect(issuer.properties.kind.enum).toEqual(ISSUER_KINDS);
});

test.each(ISSUER_KINDS)('schema, parser and docs/federation.md know the same fields of a caller of %s', (kind) => {
  const { properties, required } = federatedCaller.properties[kind] as { properties: object; required: string[] };
  const { fields, oneOf = [] } = KINDS[kind];
  // The claims of `oidc` are not fields of a table: their names are the issuer's.
  const known = kind === 'oidc' ? ['claims'] : Object.keys(fields);
  const [documented, either] = rowsOf('kind').get(kind) ?? [];
  expect(Object.keys(properties).sort()).toEqual([...known, 'issuer'].sort());
  expect(required.toSorted()).toEqual(known.filter((name) => kind === 'oidc' || fields[name]?.isRequired).sort());
  expect(inCode(either)).toEqual([...oneOf].sort());
  expect(inCode(documented?.replace(/:.*$/, ''))).toEqual(known.filter((name) => !oneOf.includes(name)).sort());
});

test('there is no other kind', () => {
  expect(Object.keys(federatedCaller.properties)).toEqual([...ISSUER_KINDS]);
  expect([...rowsOf('kind').keys()]).toEqual([...ISSUER_KINDS]);
});
