import { DescribeSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { errorName } from '../../../lib/aws/call.ts';
import { getText } from '../../../lib/aws/secrets-call.ts';
import { createCredentials } from '../../../lib/broker/credentials/credentials.ts';
import type { SecretUse } from '../../../lib/broker/profiles/profile.ts';
import { placeOf, splitSecret } from '../../../lib/broker/profiles/secret-reference.ts';
import type { Redacted } from '../../../lib/core/redacted.ts';
import { fail, ok, type Result } from '../../../lib/core/result.ts';
import { instant } from '../../../lib/core/time.ts';
import type { Credential } from '../../../lib/zitadel/credential.ts';
import { clientOptions, type Deployment } from '../deployment.ts';
import type { Credentials, SecretFacts, SecretState } from './aws-view.ts';
import type { Fact, Unread } from './finding.ts';

/** Errors by which nobody can read a value, and what they mean. */
const REFUSALS: Readonly<Record<string, string>> = {
  ResourceNotFoundException: 'has no version AWSCURRENT',
  EmptyAnswer: 'has no value',
  DecryptionFailure: 'cannot be decrypted: its KMS key is disabled, deleted or not allowed',
};

const MISSING: SecretState = { kind: 'missing', labels: [] };

/** Why Secrets Manager was not answered. */
function unread(error: unknown, action: string, { advice }: Deployment): Unread {
  const name = errorName(error);
  const lacks = `allow secretsmanager:${action} (and kms:Decrypt) for whoever runs the doctor`;
  const todo = advice[name] ?? (name === 'AccessDeniedException' ? lacks : 'try again');
  return { says: `could not be asked: ${name}`, todo };
}

/** The credential that a reference finds in the text of a secret. */
async function parse(text: Redacted<string>, reference: string): Promise<Result<Credential, string>> {
  // Before any key expires: a check judges that, and says until when.
  const clock = { now: () => instant(0), after: () => () => undefined };
  const credentials = createCredentials({ clock, secrets: { read: async () => ok(text) } });
  const held = await credentials.get(reference);
  return held.ok ? ok(held.value.credential) : fail(held.error.detail.replace(`secret ${reference}: `, ''));
}

/**
 * Reads secrets with the operator's credentials. Their values end here: what it returns are parsed credentials, whose
 * secret parts are redacted or key objects.
 */
export async function readSecrets(deployment: Deployment, uses: readonly SecretUse[]): Promise<readonly SecretFacts[]> {
  const references = new Set(uses.map(({ secret }) => secret));
  const byName = Map.groupBy(references, (reference) => splitSecret(reference).name);

  async function stateOf(client: SecretsManagerClient, SecretId: string): Promise<Fact<SecretState>> {
    try {
      const described = await client.send(new DescribeSecretCommand({ SecretId }));
      const { DeletedDate, VersionIdsToStages = {}, RotationEnabled, RotationLambdaARN, RotationRules } = described;
      const nextAt = described.NextRotationDate;
      return ok({
        kind: DeletedDate === undefined ? 'there' : 'deleted',
        labels: Object.values(VersionIdsToStages),
        ...(RotationEnabled === true && {
          rotation: {
            by: RotationLambdaARN ?? '',
            days: RotationRules?.AutomaticallyAfterDays,
            nextAt: nextAt === undefined ? undefined : instant(nextAt.getTime()),
          },
        }),
      });
    } catch (error) {
      return errorName(error) === 'ResourceNotFoundException'
        ? ok(MISSING)
        : fail(unread(error, 'DescribeSecret', deployment));
    }
  }

  async function readValue(
    client: SecretsManagerClient,
    SecretId: string,
    named: readonly string[],
  ): Promise<Fact<Result<Credentials, string>>> {
    try {
      const text = await getText(client, { SecretId });
      const entries = named.map(async (reference) => [reference, await parse(text, reference)] as const);
      return ok(ok(new Map(await Promise.all(entries))));
    } catch (error) {
      const refusal = REFUSALS[errorName(error)];
      return refusal === undefined ? fail(unread(error, 'GetSecretValue', deployment)) : ok(fail(refusal));
    }
  }

  return Promise.all(
    [...byName].map(async ([name, named]): Promise<SecretFacts> => {
      const options = clientOptions(deployment, ({ secretsManagerUrl }) => secretsManagerUrl);
      const client = new SecretsManagerClient({ ...options, region: placeOf(name)?.region ?? deployment.region });
      const state = await stateOf(client, name);
      const isThere = !state.ok || state.value.kind === 'there';
      const facts = { name, state, ...(isThere ? { value: await readValue(client, name, named) } : {}) };
      client.destroy();
      return facts;
    }),
  );
}
