import { describe, expect, test } from 'vitest';
import {
  checkSecretReference,
  isSameSecret,
  placeOf,
  splitSecret,
} from '../../../../lib/broker/profiles/secret-reference.ts';

const ARN = 'arn:aws:secretsmanager:us-east-1:210987654321:secret:zitadel/orders-a1B2c3';

test.each([
  ['zitadel/orders', { name: 'zitadel/orders' }, undefined],
  ['zitadel/all#orders', { name: 'zitadel/all', member: 'orders' }, undefined],
  [ARN, { name: ARN }, { partition: 'aws', region: 'us-east-1', account: '210987654321' }],
  [
    `${ARN}#orders`,
    { name: ARN, member: 'orders' },
    { partition: 'aws', region: 'us-east-1', account: '210987654321' },
  ],
])('%s', (reference, parts, place) => {
  expect(checkSecretReference(reference)).toBeUndefined();
  expect(splitSecret(reference)).toEqual(parts);
  expect(placeOf(reference)).toEqual(place);
});

test.each([
  ['zitadel/orders', ARN, true],
  [`${ARN}#orders`, 'zitadel/orders', true],
  ['zitadel/orders#one', 'zitadel/orders#other', true],
  ['zitadel/order', ARN, false],
  ['orders', ARN, false],
])('%s and %s: one secret is %s', (one, other, isSame) => {
  expect([isSameSecret(one, other), isSameSecret(other, one)]).toEqual([isSame, isSame]);
});

describe('says what is wrong with', () => {
  test.each([
    ['', /must be the name of a secret/],
    ['a b', /must be the name of a secret/],
    ['zitadel/all#', /must be the name of a secret/],
    ['zitadel/all#a#b', /must be the name of a secret/],
    ['#orders', /must be the name of a secret/],
    ['arn:aws:secretsmanager:us-east-1:210987654321:secret:orders', /must be the full ARN .* six characters/],
    ['arn:aws:iam::123456789012:role/orders-a1B2c3', /must be the full ARN of a secret/],
    [7, /must be the name of a secret/],
  ])('%j', (reference, problem) => {
    expect(checkSecretReference(reference)).toMatch(problem);
  });
});
