import { OTHER_ACCOUNT } from '../profiles.ts';
import { type IdentityKind, sessions } from './kind.ts';

/** Callers who prove a role: one that profiles list, or one that comes near it. */
export const PROVEN = {
  'listed role': sessions('listed', {}),
  'listed by the beginning of its name': sessions(
    'listed',
    { role: 'batch-' },
    { role: 'batch-night' },
    { role: `batch-${'x'.repeat(58)}` },
  ),
  'listed in another partition': sessions('listed', { partition: 'aws-us-gov', account: OTHER_ACCOUNT }),
  'another session': sessions(
    'listed',
    { session: 'me' },
    { session: 'a.b@c=d,e_f+g-h' },
    { session: 'x'.repeat(64) },
    { session: '..' },
  ),
  'another id of the role': sessions('listed', { id: 'AROA' }, { id: 'AROA0' }, { id: 'A'.repeat(128) }),

  'another role': sessions('unlisted', { role: 'somebody' }, { role: 'admin' }, { role: 'x' }),
  'another account': sessions(
    'unlisted',
    { account: OTHER_ACCOUNT },
    { account: '000000000000' },
    { account: '123456789013' },
  ),
  'another partition': sessions(
    'unlisted',
    { partition: 'aws-cn' },
    { partition: 'aws-us-gov' },
    { partition: 'aws-iso-b' },
  ),
  'role in other letters': sessions(
    'unlisted',
    { role: 'Orders-service' },
    { role: 'ORDERS-SERVICE' },
    { role: 'BATCH-night' },
  ),
  'role nearly so called': sessions(
    'unlisted',
    { role: 'orders-servic' },
    { role: 'orders-service2' },
    { role: 'orders_service' },
    { role: 'batch' },
    { role: 'my-batch-night' },
    { role: 'orders-service.' },
  ),
  'service-linked role': sessions(
    'unlisted',
    { role: 'AWSServiceRoleForECS' },
    { role: 'AWSReservedSSO_Admin_0123456789abcdef' },
  ),
  'session called like the role': sessions(
    'unlisted',
    { role: 'somebody', session: 'orders-service' },
    { role: 'i-0abc', session: 'orders-service' },
  ),
} as const satisfies Readonly<Record<string, IdentityKind>>;
