import { type IdentityKind, sessions } from './kind.ts';

/** Callers whose ARN has the form of a session's, with a piece in it that AWS does not give. */
export const MISNAMED = {
  'partition that is none': sessions(
    'untrusted',
    { partition: 'AWS' },
    { partition: 'aws-' },
    { partition: 'aws-CN' },
    { partition: 'awscn' },
    { partition: 'evil' },
    { partition: '' },
    { partition: 'aws--cn' },
    { partition: 'aws-cn2' },
    { partition: '-aws' },
    { partition: 'аws' },
  ),
  'account of odd digits': sessions(
    'untrusted',
    { account: '12345678901' },
    { account: '1234567890123' },
    { account: '12345678901x' },
    { account: '１２３４５６７８９０１２' },
    { account: '١٢٣٤٥٦٧٨٩٠١٢' },
    { account: '' },
    { account: '+23456789012' },
  ),
  'name of odd length': sessions(
    'untrusted',
    { role: '' },
    { role: 'x'.repeat(65) },
    { session: '' },
    { session: 'x' },
    { session: 'x'.repeat(65) },
    { role: 'x'.repeat(100_000) },
  ),
  'name with what IAM forbids': sessions(
    'untrusted',
    { role: 'batch-*' },
    { role: 'orders service' },
    { role: 'orders-service?' },
    { session: 'i-0abc*' },
    { session: 'i 0abc' },
    { role: 'órders' },
    { session: 'i-0abc;' },
  ),
} as const satisfies Readonly<Record<string, IdentityKind>>;
