import { expect, test } from 'vitest';
import type { RotatedSecret } from '../../../../lib/broker/profiles/rotation.ts';
import { parseRotationEvent } from '../../../../lib/broker/rotation/event.ts';
import { fail, ok } from '../../../../lib/core/result.ts';

const PREFIX = 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:';
const ARN = `${PREFIX}zitadel/reports-a1B2c3`;
const OTHER_ARN = `${PREFIX}zitadel/other-x1Y2z3`;
const shared = { issuer: 'https://example.zitadel.cloud', everyMs: 1, trials: [] };
const byName: RotatedSecret = { ...shared, secret: 'zitadel/reports' };
const byArn: RotatedSecret = { ...shared, secret: OTHER_ARN };
const EVENT = { Step: 'createSecret', SecretId: ARN, ClientRequestToken: 'token' };

const parse = (event: unknown) => parseRotationEvent(event, [byName, byArn]);

test.each([
  ['createSecret', 'createSecret'],
  ['setSecret', 'setSecret'],
  ['testSecret', 'testSecret'],
  ['finishSecret', 'finishSecret'],
  ['create_secret', 'createSecret'],
  ['finish_secret', 'finishSecret'],
])('the step %s', (Step, step) => {
  expect(parse({ ...EVENT, Step, RotationToken: 'r' })).toEqual(
    ok({ step, secret: ARN, token: 'token', rotated: byName }),
  );
});

test('a secret by its ARN', () => {
  expect(parse({ ...EVENT, SecretId: OTHER_ARN })).toMatchObject({ value: { rotated: byArn } });
});

test.each([
  ['another secret', `${PREFIX}zitadel/orders-a1B2c3`],
  ['a name that only begins alike', `${PREFIX}zitadel/reports-old-a1B2c3`],
  ['a name that only ends alike', `${PREFIX}old/zitadel/reports-a1B2c3`],
  ['another secret of the same name as one by ARN', `${PREFIX}zitadel/other-a1B2c3`],
])('%s is refused', (_what, SecretId) => {
  const detail = `no profile rotates this secret; those that rotate are zitadel/reports, ${OTHER_ARN}`;
  expect(parse({ ...EVENT, SecretId })).toEqual(fail({ detail }));
});

test.each([
  null,
  'createSecret',
  {},
  { ...EVENT, Step: 'dropSecret' },
  { ...EVENT, Step: undefined },
  { ...EVENT, SecretId: 1 },
  { ...EVENT, ClientRequestToken: undefined },
])('%j is no event of a rotation', (event) => {
  const detail = 'not an event of Secrets Manager: it needs Step, SecretId and ClientRequestToken';
  expect(parse(event)).toEqual(fail({ detail }));
});
