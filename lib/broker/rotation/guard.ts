import type { RotatedKey } from './rotated-key.ts';

const bitsOf = ({ key }: RotatedKey): number => key.privateKey.asymmetricKeyDetails?.modulusLength ?? 0;

const ownerOf = (key: RotatedKey): string =>
  key.kind === 'service_account_key' ? `account ${key.userId}` : `application ${key.clientId}`;

/**
 * Why a pending key may not replace the current one, or `undefined` if it may: it must belong to the same account or
 * application, and be no weaker. For safety: whoever can write the pending version must not exchange the account.
 */
export function refusePending(current: RotatedKey, pending: RotatedKey): string | undefined {
  if (ownerOf(pending) !== ownerOf(current)) {
    return `AWSPENDING is the key of another ${current.kind === 'service_account_key' ? 'account' : 'application'}`;
  }
  const [was, is] = [current.key.alg, pending.key.alg];
  if (was === 'ES256' && is !== 'ES256') return 'AWSPENDING is an RSA key, AWSCURRENT one of P-256';
  if (was === 'RS256' && is === 'RS256' && bitsOf(pending) < bitsOf(current)) {
    return `AWSPENDING is an RSA key of ${bitsOf(pending)} bit, AWSCURRENT one of ${bitsOf(current)}`;
  }
  return undefined;
}
