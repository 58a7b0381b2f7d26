import {
  CancelRotateSecretCommand,
  CreateSecretCommand,
  DescribeSecretCommand,
  GetSecretValueCommand,
  InvalidRequestException,
  PutSecretValueCommand,
  ResourceNotFoundException,
  RotateSecretCommand,
  type RotateSecretCommandInput,
  type RotationRulesType,
  SecretsManagerClient,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LabelEvent } from '../../infra/local/secrets-manager/event.ts';
import type { RotationEvent } from '../../infra/local/secrets-manager/rotations.ts';
import { nextRotationMs } from '../../infra/local/secrets-manager/schedule.ts';
import {
  createSecretsManager,
  type SecretsManager,
  type SecretsManagerOptions,
} from '../../infra/local/secrets-manager.ts';

const NOW_MS = Date.UTC(2026, 1, 3, 4, 5, 6, 789);
const DAY_MS = 86_400_000;
const TOKEN_A = 'a'.repeat(32);
const TOKEN_B = 'b'.repeat(32);
const RotationLambdaARN = 'arn:aws:lambda:eu-central-1:123456789012:function:rotate';
const RotationRules = { AutomaticallyAfterDays: 30 };
const CONFIGURED = { RotationLambdaARN, RotationRules, ClientRequestToken: TOKEN_A };
/** The end of the day in 30 days. */
const NEXT = new Date(Date.UTC(2026, 2, 5, 23, 59, 59));

type Step = RotationEvent['Step'];

let secrets: SecretsManager;
let client: SecretsManagerClient;
let nowMs: number;
let v1: string;
let invoked: RotationEvent[];
let events: LabelEvent[];
/** What a step does in place of what it should do. */
let instead: Partial<Record<Step, ((event: RotationEvent) => Promise<unknown>) | undefined>>;

/** A rotation function of AWS's kind: writes `next`, and makes it current. */
const STEPS: typeof instead = {
  createSecret: ({ SecretId, ClientRequestToken }) =>
    client.send(
      new PutSecretValueCommand({ SecretId, ClientRequestToken, SecretString: 'next', VersionStages: ['AWSPENDING'] }),
    ),
  finishSecret: ({ SecretId, ClientRequestToken }) => move('AWSCURRENT', ClientRequestToken, v1, SecretId),
};

async function rotateStep(event: RotationEvent) {
  invoked.push(event);
  await (instead[event.Step] ?? STEPS[event.Step])?.(event);
}

async function start(options: Partial<SecretsManagerOptions> = {}) {
  secrets = await createSecretsManager({
    now: () => nowMs,
    rotate: rotateStep,
    onEvent: (event) => events.push(event),
    ...options,
  });
  client = new SecretsManagerClient({
    endpoint: secrets.url,
    region: 'eu-central-1',
    credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' },
    maxAttempts: 1,
  });
  v1 = secrets.put('orders', 'v1');
}

async function stop() {
  client.destroy();
  await secrets.close();
}

async function restart(options: Partial<SecretsManagerOptions>) {
  await stop();
  await start(options);
}

beforeEach(async () => {
  nowMs = NOW_MS;
  invoked = [];
  events = [];
  instead = {};
  await start();
});

afterEach(stop);

const rotate = (input: Partial<RotateSecretCommandInput> = {}) =>
  client.send(new RotateSecretCommand({ SecretId: 'orders', ...input }));
const cancel = () => client.send(new CancelRotateSecretCommand({ SecretId: 'orders' }));
const describeSecret = () => client.send(new DescribeSecretCommand({ SecretId: 'orders' }));
const stages = async () => (await describeSecret()).VersionIdsToStages;
const read = (selection: { VersionId?: string; VersionStage?: string } = {}) =>
  client.send(new GetSecretValueCommand({ SecretId: 'orders', ...selection }));
const put = (SecretString: string, rest: { VersionStages?: string[]; ClientRequestToken?: string } = {}) =>
  client.send(new PutSecretValueCommand({ SecretId: 'orders', SecretString, ...rest }));
const move = (VersionStage: string, MoveToVersionId?: string, RemoveFromVersionId?: string, SecretId = 'orders') =>
  client.send(
    new UpdateSecretVersionStageCommand({
      SecretId,
      VersionStage,
      ...(MoveToVersionId && { MoveToVersionId }),
      ...(RemoveFromVersionId && { RemoveFromVersionId }),
    }),
  );
const steps = () => invoked.map(({ Step }) => Step);
const refuse = () => Promise.reject(new Error('the step fails'));

/** Holds a step until `go`, which lets it act; `reached` resolves when the step runs. */
function hold(step: Step, act = STEPS[step]) {
  const reached = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  instead[step] = async (event) => {
    reached.resolve();
    await released.promise;
    return act?.(event);
  };
  return { reached: reached.promise, go: () => released.resolve() };
}

/** A rotation to TOKEN_A that fails in `step`, once. */
async function failIn(step: Step) {
  instead[step] = refuse;
  await rotate(CONFIGURED);
  await secrets.settled();
  instead = {};
  invoked = [];
}

const refusedRules = (rules: RotationRulesType) =>
  [
    JSON.stringify(rules),
    { RotationLambdaARN, RotationRules: rules },
    'InvalidParameterException',
    /AutomaticallyAfterDays|every 4 hours|Duration/,
  ] as const;

const ALL: Step[] = ['createSecret', 'setSecret', 'testSecret', 'finishSecret'];

describe('a rotation', () => {
  it('is answered at once, and then goes through the steps', async () => {
    const { reached, go } = hold('createSecret');
    const ARN = secrets.arn('orders');
    expect(await rotate(CONFIGURED)).toMatchObject({ ARN, Name: 'orders', VersionId: TOKEN_A });
    await reached;
    expect(invoked).toEqual([{ Step: 'createSecret', SecretId: ARN, ClientRequestToken: TOKEN_A }]);
    go();
    await secrets.settled();
    expect(invoked).toEqual(ALL.map((Step) => ({ Step, SecretId: ARN, ClientRequestToken: TOKEN_A })));
    expect((await read()).SecretString).toBe('next');
    expect(await stages()).toEqual({ [v1]: ['AWSPREVIOUS'], [TOKEN_A]: ['AWSCURRENT', 'AWSPENDING'] });
  });

  it('starts with a pending version that has no value', async () => {
    const { reached, go } = hold('createSecret');
    await rotate(CONFIGURED);
    await reached;
    expect(await stages()).toEqual({ [v1]: ['AWSCURRENT'], [TOKEN_A]: ['AWSPENDING'] });
    for (const selection of [{ VersionStage: 'AWSPENDING' }, { VersionId: TOKEN_A }]) {
      await expect(read(selection)).rejects.toBeInstanceOf(ResourceNotFoundException);
    }
    expect((await read()).SecretString).toBe('v1');
    go();
    await secrets.settled();
    expect((await read({ VersionId: TOKEN_A })).SecretString).toBe('next');
  });

  it('is dated when it has ended', async () => {
    expect(await describeSecret()).not.toHaveProperty('RotationEnabled');
    const { reached, go } = hold('finishSecret');
    await rotate(CONFIGURED);
    await reached;
    expect((await describeSecret()).LastRotatedDate).toBeUndefined();
    nowMs += DAY_MS;
    go();
    await secrets.settled();
    expect(await describeSecret()).toMatchObject({
      RotationEnabled: true,
      RotationLambdaARN,
      RotationRules,
      LastRotatedDate: new Date(NOW_MS + DAY_MS),
      LastChangedDate: new Date(NOW_MS + DAY_MS),
      NextRotationDate: new Date(NEXT.getTime() + DAY_MS),
    });
  });

  it('takes over AWSPENDING, which the one before left on the current version', async () => {
    await rotate(CONFIGURED);
    await secrets.settled();
    v1 = TOKEN_A;
    await rotate({ ClientRequestToken: TOKEN_B });
    await secrets.settled();
    expect(await stages()).toEqual({ [TOKEN_A]: ['AWSPREVIOUS'], [TOKEN_B]: ['AWSCURRENT', 'AWSPENDING'] });
  });

  it('gives an empty secret its first version, which is current at once', async () => {
    const SecretId = 'empty';
    await client.send(new CreateSecretCommand({ Name: SecretId }));
    await rotate({ ...CONFIGURED, SecretId });
    await secrets.settled();
    const { VersionIdsToStages } = await client.send(new DescribeSecretCommand({ SecretId }));
    expect(VersionIdsToStages).toEqual({ [TOKEN_A]: ['AWSCURRENT', 'AWSPENDING'] });
  });

  it('makes the token of a call that has none', async () => {
    const { VersionId } = await rotate({ RotationLambdaARN, RotationRules });
    await secrets.settled();
    expect(VersionId).toMatch(/^[0-9a-f-]{36}$/);
    expect(invoked[0]?.ClientRequestToken).toBe(VersionId);
  });

  it('is the same one when the call is repeated', async () => {
    const { reached, go } = hold('testSecret');
    await rotate(CONFIGURED);
    await reached;
    expect(await rotate(CONFIGURED)).toMatchObject({ VersionId: TOKEN_A });
    go();
    await secrets.settled();
    expect(await rotate(CONFIGURED)).toMatchObject({ VersionId: TOKEN_A });
    await secrets.settled();
    expect(steps()).toEqual(ALL);
  });

  it.each([
    [
      'no function',
      { RotationRules },
      'InvalidRequestException',
      /^No Lambda rotation function ARN is associated with/,
    ],
    ...[
      {},
      { AutomaticallyAfterDays: 0 },
      { AutomaticallyAfterDays: 1001 },
      { AutomaticallyAfterDays: 1.5 },
      { AutomaticallyAfterDays: 1, ScheduleExpression: 'rate(1 day)' },
      { ScheduleExpression: 'cron(0 16 * * ? *)' },
      { ScheduleExpression: 'rate(3 hours)' },
      { ScheduleExpression: 'rate(0 days)' },
      { AutomaticallyAfterDays: 1, Duration: '25h' },
    ].map((rules) => refusedRules(rules)),
  ] as const)('is refused with %s', async (_, input, name, message) => {
    await expect(rotate(input)).rejects.toMatchObject({ name, message: expect.stringMatching(message) });
    await secrets.settled();
    expect(invoked).toEqual([]);
    expect(await describeSecret()).not.toHaveProperty('RotationLambdaARN');
    expect(await stages()).toEqual({ [v1]: ['AWSCURRENT'] });
  });

  it('needs a function that can be invoked', async () => {
    await restart({ rotate: undefined });
    await expect(rotate(CONFIGURED)).rejects.toMatchObject({ name: 'AccessDeniedException' });
    expect(await stages()).toEqual({ [v1]: ['AWSCURRENT'] });
    secrets.rotateWith(rotateStep);
    await rotate(CONFIGURED);
    await secrets.settled();
    expect(steps()).toEqual(ALL);
  });
});

describe('a rotation that fails', () => {
  it.each(ALL.map((step, index) => [step, index] as const))('in %s leaves AWSPENDING', async (step, index) => {
    await rotate({ ...CONFIGURED, RotateImmediately: false });
    await secrets.settled();
    invoked = [];
    nowMs += DAY_MS;
    instead[step] = refuse;
    await rotate({ ClientRequestToken: TOKEN_A });
    await secrets.settled();
    expect(steps()).toEqual(ALL.slice(0, index + 1));
    expect(await stages()).toEqual({ [v1]: ['AWSCURRENT'], [TOKEN_A]: ['AWSPENDING'] });
    expect(await describeSecret()).toMatchObject({ RotationEnabled: true, NextRotationDate: NEXT });
    expect((await describeSecret()).LastRotatedDate).toBeUndefined();
  });

  it('is one whose finishSecret leaves AWSCURRENT where it is', async () => {
    instead.finishSecret = async () => {};
    await rotate(CONFIGURED);
    await secrets.settled();
    expect((await describeSecret()).LastRotatedDate).toBeUndefined();
  });

  it('is tried again from the first step as often as the option says', async () => {
    await restart({ rotationAttempts: 3 });
    let failures = 1;
    instead.setSecret = () => {
      failures -= 1;
      return failures >= 0 ? refuse() : Promise.resolve();
    };
    await rotate(CONFIGURED);
    await secrets.settled();
    expect(steps()).toEqual(['createSecret', 'setSecret', ...ALL]);
    expect(new Set(invoked.map(({ ClientRequestToken }) => ClientRequestToken))).toEqual(new Set([TOKEN_A]));
    expect((await read()).VersionId).toBe(TOKEN_A);

    invoked = [];
    instead.createSecret = refuse;
    await rotate({ ClientRequestToken: TOKEN_B });
    await secrets.settled();
    expect(steps()).toEqual(['createSecret', 'createSecret', 'createSecret']);
  });

  it('is also one whose function throws before it returns a promise', async () => {
    secrets.rotateWith(() => {
      throw new Error('the function fails');
    });
    await rotate(CONFIGURED);
    await secrets.settled();
    expect(await stages()).toEqual({ [v1]: ['AWSCURRENT'], [TOKEN_A]: ['AWSPENDING'] });
  });

  it('blocks the next, and is tried again by it', async () => {
    await failIn('testSecret');
    const error = await rotate({ ClientRequestToken: TOKEN_B }).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(InvalidRequestException);
    expect(error).toMatchObject({
      message: "A previous rotation isn't complete. That rotation will be reattempted.",
    });
    await secrets.settled();
    expect(invoked.map(({ ClientRequestToken }) => ClientRequestToken)).toEqual(ALL.map(() => TOKEN_A));
    expect(await stages()).toEqual({ [v1]: ['AWSPREVIOUS'], [TOKEN_A]: ['AWSCURRENT', 'AWSPENDING'] });
  });

  it('is tried again by a call with its token', async () => {
    await failIn('testSecret');
    expect(await rotate(CONFIGURED)).toMatchObject({ VersionId: TOKEN_A });
    await secrets.settled();
    expect(steps()).toEqual(ALL);
  });

  it('blocks a dry run too, and new rules', async () => {
    await failIn('createSecret');
    const input = { RotateImmediately: false, RotationRules: { AutomaticallyAfterDays: 7 } };
    for (const ClientRequestToken of [TOKEN_A, TOKEN_B]) {
      await expect(rotate({ ...input, ClientRequestToken })).rejects.toBeInstanceOf(InvalidRequestException);
    }
    await secrets.settled();
    expect(steps()).toEqual(ALL);
    expect((await describeSecret()).RotationRules).toEqual(RotationRules);
  });

  it('is not started twice while it is under way', async () => {
    const { reached, go } = hold('setSecret');
    await rotate(CONFIGURED);
    await reached;
    await expect(rotate({ ClientRequestToken: TOKEN_B })).rejects.toBeInstanceOf(InvalidRequestException);
    go();
    await secrets.settled();
    expect(steps()).toEqual(ALL);
  });

  it('makes room when AWSPENDING is removed from it', async () => {
    await failIn('setSecret');
    await move('AWSPENDING', undefined, TOKEN_A);
    await rotate({ ClientRequestToken: TOKEN_B });
    await secrets.settled();
    expect(await stages()).toEqual({ [v1]: ['AWSPREVIOUS'], [TOKEN_B]: ['AWSCURRENT', 'AWSPENDING'] });
  });

  it('is refused alone where AWSPENDING was put by hand and no function is known', async () => {
    await put('by hand', { VersionStages: ['AWSPENDING'], ClientRequestToken: TOKEN_B });
    await expect(rotate(CONFIGURED)).rejects.toBeInstanceOf(InvalidRequestException);
    await secrets.settled();
    expect(invoked).toEqual([]);
  });
});

describe('a dry run', () => {
  const DRY = { ...CONFIGURED, RotateImmediately: false };

  it('configures, and tests the current version', async () => {
    const { reached, go } = hold('testSecret');
    expect(await rotate(DRY)).toMatchObject({ VersionId: v1 });
    await reached;
    expect(await stages()).toEqual({ [v1]: ['AWSCURRENT', 'AWSPENDING'] });
    expect(invoked).toEqual([{ Step: 'testSecret', SecretId: secrets.arn('orders'), ClientRequestToken: v1 }]);
    go();
    await secrets.settled();
    expect(steps()).toEqual(['testSecret']);
    expect(await stages()).toEqual({ [v1]: ['AWSCURRENT'] });
    expect(await describeSecret()).toMatchObject({
      RotationEnabled: true,
      RotationLambdaARN,
      RotationRules,
      NextRotationDate: NEXT,
    });
    expect((await describeSecret()).LastRotatedDate).toBeUndefined();
  });

  it('that fails removes its label, and is not tried again', async () => {
    await restart({ rotationAttempts: 3 });
    instead.testSecret = refuse;
    await rotate(DRY);
    await secrets.settled();
    expect(steps()).toEqual(['testSecret']);
    expect(await stages()).toEqual({ [v1]: ['AWSCURRENT'] });
    expect((await describeSecret()).RotationEnabled).toBe(true);
  });

  it('leaves AWSPENDING to a rotation that has started meanwhile', async () => {
    const test = hold('testSecret');
    await rotate(DRY);
    await test.reached;
    const create = hold('createSecret', refuse);
    await rotate({ ClientRequestToken: TOKEN_A });
    await create.reached;
    test.go();
    create.go();
    await secrets.settled();
    expect(await stages()).toEqual({ [v1]: ['AWSCURRENT'], [TOKEN_A]: ['AWSPENDING'] });
  });

  it('of a secret without a value only configures', async () => {
    await client.send(new CreateSecretCommand({ Name: 'empty' }));
    expect((await rotate({ ...DRY, SecretId: 'empty' })).VersionId).toBeUndefined();
    await secrets.settled();
    expect(invoked).toEqual([]);
    const described = await client.send(new DescribeSecretCommand({ SecretId: 'empty' }));
    expect(described).toMatchObject({ RotationEnabled: true, NextRotationDate: NEXT });
  });
});

describe('CancelRotateSecret', () => {
  it('switches the schedule off, and RotateSecret on again', async () => {
    await rotate(CONFIGURED);
    await secrets.settled();
    const cancelled = await cancel();
    expect(cancelled).toMatchObject({ ARN: secrets.arn('orders'), Name: 'orders' });
    expect(cancelled.VersionId).toBeUndefined();
    const described = await describeSecret();
    expect(described).toMatchObject({ RotationEnabled: false, RotationLambdaARN, RotationRules });
    expect([described.LastRotatedDate, described.NextRotationDate]).toEqual([undefined, undefined]);
    nowMs += 31 * DAY_MS;
    expect(secrets.rotateDue()).toEqual([]);

    await rotate({ RotateImmediately: false });
    await secrets.settled();
    expect(await describeSecret()).toMatchObject({
      RotationEnabled: true,
      LastRotatedDate: new Date(NOW_MS),
      NextRotationDate: new Date(NEXT.getTime() + 31 * DAY_MS),
    });
  });

  it.each(ALL.map((step, index) => [step, index] as const))('ends a rotation after %s', async (step, index) => {
    const { reached, go } = hold(step);
    await rotate(CONFIGURED);
    await reached;
    expect(await cancel()).toMatchObject({ VersionId: TOKEN_A });
    go();
    await secrets.settled();
    expect(steps()).toEqual(ALL.slice(0, index + 1));
    expect(await stages()).toEqual(
      step === 'finishSecret'
        ? { [v1]: ['AWSPREVIOUS'], [TOKEN_A]: ['AWSCURRENT', 'AWSPENDING'] }
        : { [v1]: ['AWSCURRENT'], [TOKEN_A]: ['AWSPENDING'] },
    );
  });

  it('leaves the rotation undated, even if its last step succeeds', async () => {
    const { reached, go } = hold('finishSecret');
    await rotate(CONFIGURED);
    await reached;
    await cancel();
    go();
    await secrets.settled();
    await rotate({ RotateImmediately: false });
    await secrets.settled();
    const described = await describeSecret();
    expect([described.RotationEnabled, described.LastRotatedDate]).toEqual([true, undefined]);
  });

  it('leaves a version without a value, which blocks the next rotation', async () => {
    const { reached, go } = hold('createSecret', refuse);
    await rotate(CONFIGURED);
    await reached;
    await cancel();
    go();
    await secrets.settled();
    await expect(read({ VersionStage: 'AWSPENDING' })).rejects.toBeInstanceOf(ResourceNotFoundException);
    await expect(rotate({ ClientRequestToken: TOKEN_B })).rejects.toBeInstanceOf(InvalidRequestException);
    await secrets.settled();
  });

  it('ends the attempts', async () => {
    await restart({ rotationAttempts: 3 });
    instead.createSecret = async () => {
      await cancel();
      return refuse();
    };
    await rotate(CONFIGURED);
    await secrets.settled();
    expect(steps()).toEqual(['createSecret']);
  });

  it('leaves the label of a dry run', async () => {
    const { reached, go } = hold('testSecret');
    await rotate({ ...CONFIGURED, RotateImmediately: false });
    await reached;
    expect((await cancel()).VersionId).toBeUndefined();
    go();
    await secrets.settled();
    expect(await stages()).toEqual({ [v1]: ['AWSCURRENT', 'AWSPENDING'] });
  });

  it('does not stop the same rotation when that is tried again', async () => {
    const { reached, go } = hold('setSecret');
    await rotate(CONFIGURED);
    await reached;
    await cancel();
    instead = {};
    await expect(rotate({ ClientRequestToken: TOKEN_B })).rejects.toBeInstanceOf(InvalidRequestException);
    go();
    await secrets.settled();
    expect(steps()).toEqual(['createSecret', 'setSecret', ...ALL]);
    expect(await describeSecret()).toMatchObject({ RotationEnabled: false });
    expect((await read()).VersionId).toBe(TOKEN_A);
  });

  it('is refused where rotation was never configured', async () => {
    await expect(cancel()).rejects.toBeInstanceOf(InvalidRequestException);
  });

  it('is what closing does, to all', async () => {
    const { reached, go } = hold('createSecret', async () => {});
    await rotate(CONFIGURED);
    await reached;
    await secrets.close();
    go();
    await secrets.settled();
    expect(steps()).toEqual(['createSecret']);
  });
});

describe('a change by hand while a rotation is under way', () => {
  it('is current until the rotation has finished', async () => {
    const { reached, go } = hold('testSecret');
    await rotate(CONFIGURED);
    await reached;
    const { VersionId = '' } = await put('by hand');
    expect(await stages()).toEqual({
      [v1]: ['AWSPREVIOUS'],
      [VersionId]: ['AWSCURRENT'],
      [TOKEN_A]: ['AWSPENDING'],
    });
    v1 = VersionId;
    go();
    await secrets.settled();
    expect(await stages()).toEqual({ [VersionId]: ['AWSPREVIOUS'], [TOKEN_A]: ['AWSCURRENT', 'AWSPENDING'] });
  });

  it('takes AWSPENDING if it names it, until the rotation writes', async () => {
    const { reached, go } = hold('createSecret');
    await rotate(CONFIGURED);
    await reached;
    await put('by hand', { VersionStages: ['AWSPENDING'], ClientRequestToken: TOKEN_B });
    expect(await stages()).toEqual({ [v1]: ['AWSCURRENT'], [TOKEN_B]: ['AWSPENDING'] });
    go();
    await secrets.settled();
    expect(await stages()).toEqual({ [v1]: ['AWSPREVIOUS'], [TOKEN_A]: ['AWSCURRENT', 'AWSPENDING'] });
  });

  it('removes AWSPENDING, and a second rotation runs beside the first', async () => {
    const first = hold('createSecret');
    await rotate(CONFIGURED);
    await first.reached;
    await move('AWSPENDING', undefined, TOKEN_A);
    const second = hold('setSecret');
    delete instead.createSecret;
    await rotate({ ClientRequestToken: TOKEN_B });
    await second.reached;
    expect(invoked.map(({ Step, ClientRequestToken }) => [Step, ClientRequestToken])).toEqual([
      ['createSecret', TOKEN_A],
      ['createSecret', TOKEN_B],
      ['setSecret', TOKEN_B],
    ]);
    second.go();
    first.go();
    await secrets.settled();
  });
});

describe('the schedule', () => {
  it.each([
    [{ AutomaticallyAfterDays: 1 }, '2026-02-04T23:59:59.000Z'],
    [{ AutomaticallyAfterDays: 30 }, '2026-03-05T23:59:59.000Z'],
    [{ AutomaticallyAfterDays: 30, Duration: '2h' }, '2026-03-05T01:59:59.000Z'],
    [{ ScheduleExpression: 'rate(1 day)' }, '2026-02-04T23:59:59.000Z'],
    [{ ScheduleExpression: 'rate(10 days)', Duration: '24h' }, '2026-02-13T23:59:59.000Z'],
    [{ ScheduleExpression: 'rate(4 hours)' }, '2026-02-03T08:59:59.000Z'],
    [{ ScheduleExpression: 'rate(12 hours)', Duration: '3h' }, '2026-02-03T18:59:59.000Z'],
  ])('of %o is followed', async (rules, expected) => {
    await rotate({ RotationLambdaARN, RotationRules: rules, RotateImmediately: false });
    await secrets.settled();
    expect((await describeSecret()).NextRotationDate?.toISOString()).toBe(expected);
  });

  it('of a secret that nothing schedules has no date', async () => {
    await rotate({ RotationLambdaARN });
    await secrets.settled();
    const described = await describeSecret();
    expect(described).toMatchObject({ RotationEnabled: true, LastRotatedDate: new Date(NOW_MS) });
    expect([described.RotationRules, described.NextRotationDate]).toEqual([undefined, undefined]);
    nowMs += 1000 * DAY_MS;
    expect(secrets.rotateDue()).toEqual([]);
  });

  it('starts what is due, and that once', async () => {
    secrets.put('other', 'v1');
    await rotate({ ...CONFIGURED, RotateImmediately: false });
    await secrets.settled();
    invoked = [];
    nowMs = NEXT.getTime() - 1;
    expect(secrets.rotateDue()).toEqual([]);
    nowMs += 1;
    const ARN = secrets.arn('orders') ?? '';
    expect(secrets.rotateDue()).toEqual([ARN]);
    expect(secrets.rotateDue()).toEqual([]);
    await secrets.settled();
    expect(invoked.map(({ Step, SecretId }) => [Step, SecretId])).toEqual(ALL.map((step) => [step, ARN]));
    expect((await describeSecret()).NextRotationDate).toEqual(new Date(nextRotationMs(RotationRules, nowMs) ?? 0));
    expect(secrets.rotateDue()).toEqual([]);
  });

  it('starts the unfinished rotation again', async () => {
    await failIn('setSecret');
    nowMs = NEXT.getTime();
    expect(secrets.rotateDue()).toHaveLength(1);
    await secrets.settled();
    expect(invoked.map(({ ClientRequestToken }) => ClientRequestToken)).toEqual(ALL.map(() => TOKEN_A));
  });

  it('counts a new value by hand as a rotation, but does not say so', async () => {
    await rotate({ ...CONFIGURED, RotateImmediately: false });
    await secrets.settled();
    nowMs += DAY_MS;
    await put('not current', { VersionStages: ['blue'] });
    expect((await describeSecret()).NextRotationDate).toEqual(NEXT);
    await put('by hand');
    const described = await describeSecret();
    expect(described.NextRotationDate).toEqual(new Date(NEXT.getTime() + DAY_MS));
    expect(described.LastRotatedDate).toBeUndefined();
  });
});

describe('events', () => {
  const told = () => events.map(({ detail }) => [detail.labelUpdated, detail.versionId]);

  it('have the form of EventBridge', () => {
    expect(events).toEqual([
      {
        version: '0',
        id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        'detail-type': 'Secret Label Updated',
        source: 'aws.secretsmanager',
        account: '123456789012',
        time: '2026-02-03T04:05:06Z',
        region: 'eu-central-1',
        resources: [secrets.arn('orders')],
        detail: { name: 'orders', labelUpdated: 'AWSCURRENT', versionId: v1 },
      },
    ]);
  });

  it('come from a rotation when AWSCURRENT moves, and not before', async () => {
    events = [];
    const { reached, go } = hold('finishSecret');
    await rotate(CONFIGURED);
    await reached;
    expect(told()).toEqual([]);
    go();
    await secrets.settled();
    expect(told()).toEqual([['AWSCURRENT', TOKEN_A]]);
  });

  it('come for every label but AWSPENDING and AWSPREVIOUS', async () => {
    events = [];
    await put('v2', { ClientRequestToken: TOKEN_A });
    await put('v3', { ClientRequestToken: TOKEN_B, VersionStages: ['AWSPENDING', 'blue'] });
    await move('AWSCURRENT', v1, TOKEN_A);
    await move('AWSPREVIOUS', TOKEN_B, TOKEN_A);
    await move('blue', TOKEN_A, TOKEN_B);
    await move('blue', TOKEN_A);
    await move('blue', undefined, TOKEN_A);
    expect(told()).toEqual([
      ['AWSCURRENT', TOKEN_A],
      ['blue', TOKEN_B],
      ['AWSCURRENT', v1],
      ['blue', TOKEN_A],
    ]);
    expect(new Set(events.map(({ id }) => id)).size).toBe(4);
  });
});
