import { expect, test } from 'vitest';
import { profilesOfChange } from '../../../../lib/broker/obtain/secret-change.ts';
import { profilesOf } from '../../../support/profiles.ts';

const PREFIX = 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:';
const shared = {
  issuer: 'https://example.zitadel.cloud',
  callers: ['arn:aws:iam::123456789012:role/orders-service'],
  scopes: ['urn:zitadel:iam:org:project:id:1:aud'],
};
const profiles = profilesOf({
  profiles: {
    orders: { ...shared, secret: 'zitadel/orders' },
    reports: { ...shared, secret: `${PREFIX}zitadel/reports-a1B2c3` },
    billing: { ...shared, secret: 'zitadel/billing', subject: 'reports' },
    member: { ...shared, secret: 'zitadel/shared#one' },
  },
});

const event = (more: object) => ({ source: 'aws.secretsmanager', 'detail-type': 'Secret Label Updated', ...more });

test.each<[what: string, event: unknown, names: readonly string[] | undefined]>([
  ['the schedule', { source: 'aws.events', 'detail-type': 'Scheduled Event', resources: [] }, undefined],
  ['nothing', undefined, undefined],
  ['a secret by name', event({ resources: [`${PREFIX}zitadel/orders-x1Y2z3`] }), ['orders']],
  [
    'a secret by ARN, and who exchanges',
    event({ resources: [`${PREFIX}zitadel/reports-a1B2c3`] }),
    ['reports', 'billing'],
  ],
  ['another secret of that name', event({ resources: [`${PREFIX}zitadel/reports-x1Y2z3`] }), []],
  ['a secret with members', event({ resources: [`${PREFIX}zitadel/shared-x1Y2z3`] }), ['member']],
  ['somewhere in the detail', event({ detail: { a: { arn: `${PREFIX}zitadel/billing-x1Y2z3` } } }), ['billing']],
  ['an unknown secret', event({ resources: [`${PREFIX}other-x1Y2z3`] }), []],
  ['no secret at all: any may have changed', event({}), ['orders', 'reports', 'billing', 'member']],
])('%s', (_what, given, names) => {
  expect(profilesOfChange(given, profiles)?.map(({ name }) => name)).toEqual(names);
});
