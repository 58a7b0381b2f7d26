import { createPem, createSecret } from '../demo.ts';
import type { SecretsManager } from '../secrets-manager.ts';
import type { Zitadel } from '../zitadel/server.ts';

/** The two places where an operator replaces a credential, and the id of a new key. */
export interface Places {
  readonly createId: () => string;
  readonly zitadel: Pick<Zitadel, 'setSecret' | 'addKey' | 'removeKey'>;
  readonly secretsManager: Pick<SecretsManager, 'current' | 'put'>;
}

/** A credential of the demonstration, as its secret holds it. */
type Held = Readonly<Record<'clientId' | 'clientSecret' | 'userId' | 'keyId', string | undefined>>;

/** Replaces the credential in a secret at ZITADEL and in Secrets Manager. ZITADEL no longer accepts the old one. */
export async function replaceCredential({ zitadel, secretsManager, createId }: Places, secret: string): Promise<void> {
  const held = JSON.parse(secretsManager.current(secret) ?? '{}') as Held;
  const { clientId = '', userId = clientId, keyId: oldKeyId } = held;
  if (oldKeyId === undefined) {
    const clientSecret = createSecret();
    zitadel.setSecret(clientId, clientSecret);
    secretsManager.put(secret, JSON.stringify({ ...held, clientSecret }));
    return;
  }
  const [keyId, key] = [createId(), await createPem()];
  zitadel.addKey({ holder: userId, keyId, key });
  secretsManager.put(secret, JSON.stringify({ ...held, keyId, key }));
  zitadel.removeKey(oldKeyId);
}

/** The account of the credential in a secret, as ZITADEL's stand-in finds it: a user id, or a user name. */
export function accountIn({ current }: Pick<SecretsManager, 'current'>, secret: string): string {
  const { userId, clientId = '' } = JSON.parse(current(secret) ?? '{}') as Partial<Held>;
  return userId ?? clientId;
}
