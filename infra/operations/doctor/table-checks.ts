import { type AwsContext, checkOf, DEPLOY, furtherOf } from './aws-context.ts';
import type { AwsFacts } from './aws-view.ts';
import { type Check, fault } from './finding.ts';

/** The table of tokens. */
export const TABLE_CHECKS: readonly Check<AwsContext>[] = [
  checkOf(
    'ZTB231',
    'table',
    'active',
    ({ table }) => table,
    ({ name, status, key }) => {
      if (status === 'MISSING') {
        const todo = 'create it: docs/storage.md; a deployment without changes does not';
        return [fault(name, 'does not exist: each sandbox obtains its own tokens', todo)];
      }
      if (status !== 'ACTIVE') return [fault(name, `is ${status}`, 'wait; if it stays, see the console of DynamoDB')];
      return key.join() === 'pk'
        ? []
        : [fault(name, `has the key ${key.join(', ')}, not pk`, 'remove it, and deploy again')];
    },
  ),
  ...(
    [
      [
        'ZTB232',
        'expiry of rows',
        'by the attribute ttl',
        'ttl',
        'does not remove expired rows (TTL on the attribute ttl)',
      ],
      ['ZTB233', 'recovery of the table', 'point in time', 'isRecoverable', 'has no point-in-time recovery'],
      ['ZTB234', 'deletion protection', 'as packaged', 'isProtected', 'has no deletion protection'],
      [
        'ZTB235',
        'encryption of the table',
        'with its KMS key',
        'encryption',
        'is not encrypted with a KMS key, or cannot use it',
      ],
    ] as const
  ).map(([code, title, fine, field, says]) =>
    furtherOf(
      code,
      title,
      fine,
      ({ table }: AwsFacts) => table,
      (table, { expected }: AwsContext) => {
        const wanted = expected?.table?.[field];
        // What is safer than packaged is no problem.
        if (table.status === 'MISSING' || wanted === undefined || wanted === false || table[field] === wanted)
          return [];
        return [fault(table.name, says, DEPLOY)];
      },
    ),
  ),
];
