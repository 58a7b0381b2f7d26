import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import schema from '../../../../infra/profiles.schema.json' with { type: 'json' };
import { PROFILE_FIELDS } from '../../../../lib/broker/profiles/parse.ts';

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
