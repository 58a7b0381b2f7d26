import {
  CreateSecretCommand,
  DescribeSecretCommand,
  GetSecretValueCommand,
  type GetSecretValueCommandInput,
  InternalServiceError,
  InvalidParameterException,
  InvalidRequestException,
  ListSecretVersionIdsCommand,
  PutSecretValueCommand,
  ResourceExistsException,
  ResourceNotFoundException,
  SecretsManagerClient,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSecretsManager, type SecretsManager } from '../../infra/local/secrets-manager.ts';

const NOW_MS = Date.UTC(2026, 1, 3, 4, 5, 6, 789);
const TOKEN_A = 'a'.repeat(32);
const TOKEN_B = 'b'.repeat(32);
const UNKNOWN_ID = '0'.repeat(32);

let secrets: SecretsManager;
let client: SecretsManagerClient;
let nowMs: number;

beforeEach(async () => {
  nowMs = NOW_MS;
  secrets = await createSecretsManager({ now: () => nowMs });
  client = new SecretsManagerClient({
    endpoint: secrets.url,
    region: 'eu-central-1',
    credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' },
    maxAttempts: 1,
  });
});

afterEach(async () => {
  client.destroy();
  await secrets.close();
});

const create = (Name: string, SecretString: string) => client.send(new CreateSecretCommand({ Name, SecretString }));
const get = (SecretId: string, rest: Omit<GetSecretValueCommandInput, 'SecretId'> = {}) =>
  client.send(new GetSecretValueCommand({ SecretId, ...rest }));
const putValue = (SecretId: string, SecretString: string, VersionStages?: string[], ClientRequestToken?: string) =>
  client.send(
    new PutSecretValueCommand({
      SecretId,
      SecretString,
      ...(VersionStages && { VersionStages }),
      ...(ClientRequestToken && { ClientRequestToken }),
    }),
  );
const move = (SecretId: string, VersionStage: string, MoveToVersionId?: string, RemoveFromVersionId?: string) =>
  client.send(
    new UpdateSecretVersionStageCommand({
      SecretId,
      VersionStage,
      ...(MoveToVersionId && { MoveToVersionId }),
      ...(RemoveFromVersionId && { RemoveFromVersionId }),
    }),
  );
const stages = async (SecretId: string) =>
  (await client.send(new DescribeSecretCommand({ SecretId }))).VersionIdsToStages ?? {};

/** One call by hand, for what the official client cannot be made to send. */
const post = (headers: Record<string, string>, body: string) =>
  fetch(secrets.url, {
    method: 'POST',
    headers: { 'content-type': 'application/x-amz-json-1.1', ...headers },
    body,
  });

const AUTHORIZATION = `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260203/eu-central-1/secretsmanager/aws4_request, SignedHeaders=host;x-amz-date, Signature=${'0'.repeat(64)}`;

describe('reading', () => {
  it('answers the current version with its stages and dates', async () => {
    const { ARN, VersionId } = await create('orders/zitadel', 'v1');
    expect(ARN).toMatch(/^arn:aws:secretsmanager:eu-central-1:123456789012:secret:orders\/zitadel-[A-Za-z0-9]{6}$/);
    const value = await get('orders/zitadel');
    expect(value).toMatchObject({
      ARN,
      Name: 'orders/zitadel',
      VersionId,
      SecretString: 'v1',
      VersionStages: ['AWSCURRENT'],
      CreatedDate: new Date(NOW_MS),
    });
    expect(value.SecretBinary).toBeUndefined();
    expect(value.$metadata.requestId).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('finds a secret by name, ARN, and ARN without suffix', async () => {
    const { ARN = '' } = await create('orders', 'v1');
    for (const id of ['orders', ARN, ARN.slice(0, -7)]) expect((await get(id)).SecretString).toBe('v1');
    expect(secrets.arn('orders')).toBe(ARN);
    const wrong = [`${ARN}x`, ARN.replace('eu-central-1', 'us-east-1'), 'order', 'arn:', 'constructor'];
    for (const id of wrong) await expect(get(id)).rejects.toBeInstanceOf(ResourceNotFoundException);
  });

  it('keeps bytes as bytes', async () => {
    const SecretBinary = Uint8Array.from([0, 255, 128, 10]);
    await client.send(new CreateSecretCommand({ Name: 'bytes', SecretBinary }));
    const value = await get('bytes');
    expect(value.SecretBinary).toEqual(SecretBinary);
    expect(value.SecretString).toBeUndefined();
  });

  it('selects by version id and stage, which must agree', async () => {
    const first = secrets.put('orders', 'v1');
    const second = secrets.put('orders', 'v2');
    expect((await get('orders', { VersionId: first })).SecretString).toBe('v1');
    expect((await get('orders', { VersionStage: 'AWSPREVIOUS' })).SecretString).toBe('v1');
    expect((await get('orders', { VersionId: second, VersionStage: 'AWSCURRENT' })).SecretString).toBe('v2');
    await expect(get('orders', { VersionId: first, VersionStage: 'AWSCURRENT' })).rejects.toBeInstanceOf(
      InvalidRequestException,
    );
  });

  it.each([
    ['an unknown secret', 'nobody', {}, "Secrets Manager can't find the specified secret."],
    [
      'an unknown stage',
      'orders',
      { VersionStage: 'AWSPENDING' },
      "Secrets Manager can't find the specified secret value for staging label: AWSPENDING",
    ],
    [
      'an unknown version',
      'orders',
      { VersionId: UNKNOWN_ID },
      `Secrets Manager can't find the specified secret value for VersionId: ${UNKNOWN_ID}`,
    ],
  ])('does not find %s', async (_, id, selection, message) => {
    secrets.put('orders', 'v1');
    const error = await get(id, selection).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ResourceNotFoundException);
    expect(error).toMatchObject({ message, $metadata: { httpStatusCode: 400 } });
  });
});

describe('new versions', () => {
  it('shift current to previous, and previous to nothing', async () => {
    const { VersionId: v1 = '' } = await create('orders', 'v1');
    const { VersionId: v2 = '', VersionStages } = await putValue('orders', 'v2');
    expect(VersionStages).toEqual(['AWSCURRENT']);
    expect(await stages('orders')).toEqual({ [v1]: ['AWSPREVIOUS'], [v2]: ['AWSCURRENT'] });
    const { VersionId: v3 = '' } = await putValue('orders', 'v3');
    expect(await stages('orders')).toEqual({ [v2]: ['AWSPREVIOUS'], [v3]: ['AWSCURRENT'] });
    const deprecated = await get('orders', { VersionId: v1 });
    expect(deprecated.SecretString).toBe('v1');
    expect(deprecated.VersionStages).toBeUndefined();
  });

  it('leave current alone when they name other stages', async () => {
    const v1 = secrets.put('orders', 'v1');
    const { VersionId: v2 = '' } = await putValue('orders', 'v2', ['AWSPENDING']);
    expect(await stages('orders')).toEqual({ [v1]: ['AWSCURRENT'], [v2]: ['AWSPENDING'] });
    expect((await get('orders')).SecretString).toBe('v1');
    const { VersionId: v3 = '' } = await putValue('orders', 'v3', ['AWSPENDING']);
    expect(await stages('orders')).toEqual({ [v1]: ['AWSCURRENT'], [v3]: ['AWSPENDING'] });
  });

  it('are current when they are the first, whatever they name', async () => {
    await client.send(new CreateSecretCommand({ Name: 'empty' }));
    await expect(get('empty')).rejects.toBeInstanceOf(ResourceNotFoundException);
    const { VersionId = '' } = await putValue('empty', 'v1', ['AWSPENDING']);
    expect(await stages('empty')).toEqual({ [VersionId]: ['AWSCURRENT', 'AWSPENDING'] });
  });

  it('are made once per token', async () => {
    secrets.put('orders', 'v0');
    await putValue('orders', 'v1', undefined, TOKEN_A);
    await putValue('orders', 'v2', undefined, TOKEN_B);
    const retried = await putValue('orders', 'v1', undefined, TOKEN_A);
    expect(retried.VersionId).toBe(TOKEN_A);
    expect(await stages('orders')).toEqual({ [TOKEN_A]: ['AWSPREVIOUS'], [TOKEN_B]: ['AWSCURRENT'] });
    await expect(putValue('orders', 'other', undefined, TOKEN_A)).rejects.toBeInstanceOf(ResourceExistsException);
  });

  it('are the same with any labels, when their call is repeated', async () => {
    const v0 = secrets.put('orders', 'v0');
    await putValue('orders', 'v1', ['AWSPENDING'], TOKEN_A);
    await move('orders', 'AWSPENDING', undefined, TOKEN_A);
    for (const labels of [['AWSPENDING'], ['AWSCURRENT'], undefined]) await putValue('orders', 'v1', labels, TOKEN_A);
    expect(await stages('orders')).toEqual({ [v0]: ['AWSCURRENT'] });
  });

  it('are listed, deprecated ones on request', async () => {
    const ids = ['v1', 'v2', 'v3'].map((value) => secrets.put('orders', value));
    const list = async (IncludeDeprecated: boolean) => {
      const listed = await client.send(new ListSecretVersionIdsCommand({ SecretId: 'orders', IncludeDeprecated }));
      expect(listed).toMatchObject({ ARN: secrets.arn('orders'), Name: 'orders' });
      return listed.Versions;
    };
    const CreatedDate = new Date(NOW_MS);
    const labelled = [
      { VersionId: ids[1], CreatedDate, VersionStages: ['AWSPREVIOUS'] },
      { VersionId: ids[2], CreatedDate, VersionStages: ['AWSCURRENT'] },
    ];
    expect(await list(false)).toEqual(labelled);
    expect(await list(true)).toEqual([{ VersionId: ids[0], CreatedDate }, ...labelled]);
  });

  it('are dated now', async () => {
    secrets.put('orders', 'v1');
    nowMs += 1_500;
    secrets.put('orders', 'v2');
    expect((await get('orders')).CreatedDate).toEqual(new Date(NOW_MS + 1_500));
    const described = await client.send(new DescribeSecretCommand({ SecretId: 'orders' }));
    expect(described).toMatchObject({
      CreatedDate: new Date(NOW_MS),
      LastChangedDate: new Date(NOW_MS + 1_500),
      LastAccessedDate: new Date(Date.UTC(2026, 1, 3)),
    });
  });
});

describe('moving stages', () => {
  let v1: string;
  let v2: string;

  beforeEach(async () => {
    v1 = secrets.put('orders', 'v1');
    v2 = (await putValue('orders', 'v2', ['AWSPENDING'])).VersionId ?? '';
  });

  it('moves current, and previous after it', async () => {
    await move('orders', 'AWSCURRENT', v2, v1);
    expect(await stages('orders')).toEqual({ [v1]: ['AWSPREVIOUS'], [v2]: ['AWSCURRENT', 'AWSPENDING'] });
    await move('orders', 'AWSPENDING', undefined, v2);
    expect(await stages('orders')).toEqual({ [v1]: ['AWSPREVIOUS'], [v2]: ['AWSCURRENT'] });
  });

  it('rolls back', async () => {
    await move('orders', 'AWSCURRENT', v2, v1);
    await move('orders', 'AWSCURRENT', v1, v2);
    expect(await stages('orders')).toEqual({ [v1]: ['AWSCURRENT'], [v2]: ['AWSPENDING', 'AWSPREVIOUS'] });
  });

  it('attaches a new label without naming a holder', async () => {
    await move('orders', 'blue', v1);
    expect((await get('orders', { VersionStage: 'blue' })).VersionId).toBe(v1);
  });

  it('changes nothing for a label that is already there', async () => {
    const before = await stages('orders');
    await move('orders', 'AWSCURRENT', v1);
    expect(await stages('orders')).toEqual(before);
  });

  it.each([
    ['the holder is not named', () => move('orders', 'AWSCURRENT', v2), /RemoveFromVersionId can't be empty/],
    ['another version is named as holder', () => move('orders', 'AWSCURRENT', v2, v2), /is not attached to version/],
    ['a label of nobody is removed', () => move('orders', 'blue', undefined, v1), /is not attached to version/],
    ['a label of nobody has a holder', () => move('orders', 'blue', v2, v1), /is not attached to version/],
    [
      'a label is removed from another version',
      () => move('orders', 'AWSPENDING', undefined, v1),
      /is not attached to/,
    ],
    ['current would be lost', () => move('orders', 'AWSCURRENT', undefined, v1), /can't be completely removed/],
    ['neither version is named', () => move('orders', 'AWSCURRENT'), /MoveToVersionId/],
  ])('refuses when %s', async (_, call, message) => {
    const before = await stages('orders');
    const error = await call().catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(InvalidParameterException);
    expect(error).toMatchObject({ message: expect.stringMatching(message) });
    expect(await stages('orders')).toEqual(before);
  });

  it('does not find unknown versions', async () => {
    for (const versions of [
      [UNKNOWN_ID, v1],
      [v1, UNKNOWN_ID],
    ]) {
      await expect(move('orders', 'AWSCURRENT', ...versions)).rejects.toBeInstanceOf(ResourceNotFoundException);
    }
  });
});

describe('bad input', () => {
  it('refuses a taken name', async () => {
    await create('orders', 'v1');
    const error = await create('orders', 'v2').catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ResourceExistsException);
    expect(error).toMatchObject({ message: 'The operation failed because the secret orders already exists.' });
  });

  it.each([
    ['no value', { SecretId: 'orders' }],
    ['two values', { SecretId: 'orders', SecretString: 'x', SecretBinary: Uint8Array.of(1) }],
    ['an empty value', { SecretId: 'orders', SecretString: '' }],
    ['a value too long', { SecretId: 'orders', SecretString: 'x'.repeat(65_537) }],
    ['a short token', { SecretId: 'orders', SecretString: 'x', ClientRequestToken: 'short' }],
    ['no stages', { SecretId: 'orders', SecretString: 'x', VersionStages: [] }],
  ])('refuses %s', async (_, input) => {
    secrets.put('orders', 'v1');
    await expect(client.send(new PutSecretValueCommand(input))).rejects.toBeInstanceOf(InvalidParameterException);
    expect((await get('orders')).SecretString).toBe('v1');
  });

  const target = 'secretsmanager.GetSecretValue';
  it.each([
    ['an unsigned request', { 'x-amz-target': target }, '{"SecretId":"orders"}', 'MissingAuthenticationTokenException'],
    [
      'a bearer token',
      { 'x-amz-target': target, authorization: 'Bearer x' },
      '{"SecretId":"orders"}',
      'MissingAuthenticationTokenException',
    ],
    [
      'an unknown operation',
      { 'x-amz-target': 'secretsmanager.constructor', authorization: AUTHORIZATION },
      '{}',
      'UnknownOperationException',
    ],
    [
      "another service's operation",
      { 'x-amz-target': 'DynamoDB_20120810.GetItem', authorization: AUTHORIZATION },
      '{}',
      'UnknownOperationException',
    ],
    ['broken JSON', { 'x-amz-target': target, authorization: AUTHORIZATION }, '{', 'SerializationException'],
    ['an array', { 'x-amz-target': target, authorization: AUTHORIZATION }, '[]', 'SerializationException'],
    [
      'a wrong type',
      { 'x-amz-target': target, authorization: AUTHORIZATION },
      '{"SecretId":1}',
      'SerializationException',
    ],
    ['no secret id', { 'x-amz-target': target, authorization: AUTHORIZATION }, '{}', 'InvalidParameterException'],
  ])('answers %s', async (_, headers, body, type) => {
    const response = await post(headers, body);
    expect(response.status).toBe(400);
    expect(response.headers.get('content-type')).toBe('application/x-amz-json-1.1');
    expect(response.headers.get('x-amzn-requestid')).toMatch(/^[0-9a-f-]{36}$/);
    expect(await response.json()).toEqual({ __type: type, Message: expect.any(String) });
  });

  it.each([
    { RotateImmediately: 'yes' },
    { RotationRules: [] },
    { RotationRules: { AutomaticallyAfterDays: '30' } },
    { RotationRules: { Duration: 2 } },
  ])('does not read %o', async (members) => {
    const headers = { 'x-amz-target': 'secretsmanager.RotateSecret', authorization: AUTHORIZATION };
    const response = await post(headers, JSON.stringify({ SecretId: 'orders', ...members }));
    expect(await response.json()).toMatchObject({ __type: 'SerializationException' });
  });

  it('counts null as absent', async () => {
    secrets.put('orders', 'v1');
    const headers = { 'x-amz-target': target, authorization: AUTHORIZATION };
    const response = await post(headers, '{"SecretId":"orders","VersionId":null}');
    expect(await response.json()).toMatchObject({ SecretString: 'v1' });
  });
});

describe('faults', () => {
  beforeEach(() => {
    secrets.put('orders', 'v1');
  });

  it('throttles the next calls, and no more', async () => {
    secrets.throttle(2);
    for (let i = 0; i < 2; i += 1) {
      await expect(get('orders')).rejects.toMatchObject({
        name: 'ThrottlingException',
        message: 'Rate exceeded',
        $metadata: { httpStatusCode: 400 },
      });
    }
    expect((await get('orders')).SecretString).toBe('v1');
    expect(secrets.reads('orders')).toBe(3);
  });

  it('breaks the next calls', async () => {
    secrets.fail(1);
    const error = await get('orders').catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(InternalServiceError);
    expect(error).toMatchObject({ $metadata: { httpStatusCode: 500 } });
  });

  it('is intercepted like every stand-in', async () => {
    secrets.intercept((req) => {
      req.destroy();
      return true;
    });
    await expect(get('orders')).rejects.toThrow();
    secrets.intercept(undefined);
    expect((await get('orders')).SecretString).toBe('v1');
    expect(secrets.calls()).toBe(2);
  });

  it('counts reads by name, however the secret is named', async () => {
    secrets.put('other', 'v1');
    await get('orders');
    await get(secrets.arn('orders') ?? '');
    await get('other');
    await expect(get('nobody')).rejects.toThrow();
    await stages('orders');
    expect([secrets.reads(), secrets.reads('orders'), secrets.reads('other'), secrets.reads('nobody')]).toEqual([
      4, 2, 1, 1,
    ]);
  });
});
