import type { SecretFault, SecretStore } from '../../../lib/broker/credentials/credentials.ts';
import type { SecretVersions } from '../../../lib/broker/rotation/versions.ts';
import type { Table } from '../../../lib/broker/store/table.ts';
import { createRotateFunction } from '../../../lib/compose/rotate.ts';
import { createTokenFunctions, type TokenFunctions } from '../../../lib/compose/tokens.ts';
import { redacted } from '../../../lib/core/redacted.ts';
import { fail, ok, type Result } from '../../../lib/core/result.ts';
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../../../lib/core/time.ts';
import type { Send } from '../../../lib/oauth/transport.ts';
import { createMemoryTable } from '../../support/memory-table.ts';
import { START } from '../runner/history.ts';
import type { Lane } from '../runner/scheduler.ts';
import { createStage } from '../runner/stage.ts';
import type { Actions, Run, Tell, World } from '../runner/worlds.ts';
import { isPrewarmReport } from '../simulation/callers.ts';
import { ENVIRONMENT, idsOf } from '../simulation/sandboxes.ts';
import { eventFor } from '../simulation/setting.ts';
import { type Caller, createCall, SECRETS_MANAGER, type ServiceName, ZITADEL } from './calls.ts';
import { type Happenings, PROMISES, type RotationStage } from './judge.ts';
import { CALL_FAULTS, createPlan, type Items, type Plan, ROTATION_FAULTS, type RotationFaultKind } from './plan.ts';
import { createSecrets, type Move } from './secrets.ts';
import { ARNS, FLEETS, fleetOf, holderOf, keyIdIn, SECRETS, type SecretName, secretOf } from './setting.ts';
import { createZitadel, isMarked } from './zitadel.ts';

/** What Secrets Manager allows an invocation, as the function's time limit. */
const INVOCATION_MS = 120 * SECOND_MS;
/** An operator waits so long for a rotation that is under way. */
const HAND_MS = 10 * SECOND_MS;
const CALLER_MS = 15 * SECOND_MS;

/** A key's removal and the step that looks for it may cross. */
const UNSEEN_MS = SECOND_MS;

/** How often the last rotation is tried: the first may find what an earlier one has left, clean up, and say so. */
const LAST_TRIES = 3;

/** Plays a history with the real functions, and judges it. */
async function play(plan: Plan, tell?: Tell): Promise<Run> {
  const promises = Object.entries(PROMISES).map(([name, create]) => [name, create(plan.lifeMs)]);
  const basis = createStage<Happenings, RotationFaultKind>({
    seed: plan.seed,
    promises: Object.fromEntries(promises),
    tell,
    untold: ['made', 'text'],
  });
  const { scheduler, random, count } = basis;
  const { now } = scheduler;
  /** Whether an operator has made the current key useless: nothing that follows tells anything. */
  let isSpoilt = false;
  const emit: RotationStage['emit'] = (kind, facts) => {
    if (isSpoilt) return;
    basis.emit(kind, facts);
    if (kind === 'removed') look();
  };
  const stage: RotationStage = { ...basis, emit };
  const text = (text: string) => emit('text', { text });
  const away: Record<ServiceName, number> = { zitadel: 0, secrets: 0 };
  const call = createCall(scheduler, (name) => away[name] > 0);
  let isCalm = false;
  let requests = 0;

  const zitadel = createZitadel(stage, plan);
  /** When operators removed keys, by their ids. */
  const removedByHand = new Map<string, number>();

  /** The keys that AWSCURRENT and AWSPREVIOUS need. */
  const needed = () =>
    SECRETS.flatMap((secret) =>
      ['AWSCURRENT', 'AWSPREVIOUS'].flatMap((stage) => {
        const key = secrets.text(secret, secrets.holder(secret, stage));
        return key === undefined ? [] : [{ secret, stage, keyId: keyIdIn(key) }];
      }),
    );

  /** Looks whether needed keys are gone: keys or labels have changed. */
  function look(): void {
    const present = zitadel.present();
    for (const key of needed()) {
      if (present.has(key.keyId)) continue;
      const removedAt = removedByHand.get(key.keyId);
      // Nobody can see that a key is removed by hand in the moment in which it becomes the current one.
      const isUnseen = removedAt !== undefined && now() - removedAt < plan.lagMs + UNSEEN_MS;
      if (isUnseen && key.stage === 'AWSCURRENT') isSpoilt = true;
      emit('missing', { ...key, isByHand: removedAt !== undefined });
    }
  }

  const ask = <T>(caller: Caller, run: () => T) =>
    call<Result<T, SecretFault>>(caller, SECRETS_MANAGER, () => ok(run()));

  const secretsFor = (caller: Caller): SecretStore => ({
    async read(name) {
      const secret = secretOf(name);
      const read = await ask(caller, () => secrets.text(secret, secrets.holder(secret, 'AWSCURRENT')));
      return read.ok ? ok(redacted(read.value ?? '')) : read;
    },
  });

  const versionsFor = (caller: Caller): SecretVersions => ({
    list: (arn) => ask(caller, () => secrets.list(secretOf(arn))),
    async read(arn, id) {
      const read = await ask(caller, () => secrets.text(secretOf(arn), id));
      return read.ok ? ok(read.value === undefined ? undefined : redacted(read.value)) : read;
    },
    write: (arn, id, value) => ask(caller, () => secrets.write(secretOf(arn), id, value.reveal(), 'AWSPENDING')),
    async move(arn, label, versions) {
      const secret = secretOf(arn);
      const { to = '' } = versions;
      const moved = await ask(caller, () => {
        const isKept = secrets.holder(secret, 'AWSCURRENT') === to;
        const isBack = label === 'AWSCURRENT' && secrets.wasCurrent(secret, to) && !isKept;
        return move(secret, label, versions, isBack);
      });
      if (!moved.ok) return moved;
      return moved.value ? ok(undefined) : fail({ kind: 'refused', detail: 'InvalidParameterException' });
    },
  });

  /** Moves a label. */
  function move(secret: SecretName, label: string, versions: Move, isBack = false): boolean {
    const isMoved = secrets.move(secret, label, versions);
    emit('moved', { secret, stage: label, ...versions, isMoved, isBack: isBack && isMoved });
    return isMoved;
  }

  /** AWSCURRENT has moved: the fleet that uses the secret is told, as by EventBridge. */
  function onCurrent(secret: SecretName): void {
    const fleet = fleetOf(secret);
    emit('changed', { label: `fleet ${fleet} ${holderOf(secret)}` });
    look();
    scheduler.at(now() + random.int(SECOND_MS, 5 * SECOND_MS), () => {
      const { lane, functions } = start(fleet, 0);
      const event = { source: 'aws.secretsmanager', 'detail-type': 'Secret Label Updated', resources: [ARNS[secret]] };
      functions.prewarm(event, { getRemainingTimeInMillis: () => MINUTE_MS }).catch((error: unknown) => {
        if (lane.isAlive() && !isPrewarmReport(error)) emit('thrown', { what: String(error) });
      });
    });
  }

  /** Rows must hold no private key, like everything that leaves the broker. */
  const watched = (table: Table): Table => ({
    ...table,
    update(key, update) {
      text(JSON.stringify(update));
      return table.update(key, update);
    },
  });
  const sendFor =
    (caller: Caller, from: string): Send =>
    (request) => {
      text(request.body ?? '');
      return call(caller, ZITADEL, async () => ok(await zitadel.answer(request, from)));
    };

  const tables = FLEETS.map(() => watched(createMemoryTable()));
  const sandboxes = new Map<string, { readonly lane: Lane; readonly functions: TokenFunctions }>();

  function start(fleet: 0 | 1, sandbox: number) {
    const name = `fleet ${fleet} sandbox ${sandbox}`;
    const known = sandboxes.get(name);
    if (known !== undefined) return known;
    const lane = scheduler.lane(name, 0);
    const own = random.fork(name);
    const caller: Caller = { lane, own, draw: () => undefined, crash: () => undefined };
    const functions = createTokenFunctions(FLEETS[fleet].profiles, ENVIRONMENT, {
      clock: lane.clock,
      random: own.next,
      uuid: idsOf(name),
      write: text,
      secrets: secretsFor(caller),
      table: tables[fleet] as Table,
      send: sendFor(caller, `fleet ${fleet}`),
    });
    const started = { lane, functions };
    sandboxes.set(name, started);
    return started;
  }

  let invocations = 0;
  function invoke(secret: SecretName, event: object): Promise<boolean> {
    invocations += 1;
    const name = `rotate ${invocations}`;
    const own = random.fork(name);
    const lane = scheduler.lane(name, 0);
    return new Promise((resolve) => {
      const end = (isDone: boolean) => {
        if (!lane.isAlive()) return;
        emit('step', { name, secret, event, isDone });
        lane.kill();
        resolve(isDone);
      };
      const draw = () => {
        if (isCalm || !own.chance(plan.faultShare)) return undefined;
        const fault = own.pick(CALL_FAULTS);
        count(fault);
        return fault;
      };
      const caller: Caller = { lane, own, draw, crash: () => end(false) };
      const handler = createRotateFunction(FLEETS[fleetOf(secret)].profiles, ENVIRONMENT, {
        clock: lane.clock,
        uuid: idsOf(name),
        write: (line) => {
          text(line);
          emit('log', { line: line.slice(line.indexOf('"route"')) });
        },
        secrets: secretsFor(caller),
        versions: versionsFor(caller),
        send: sendFor(caller, 'rotation'),
        createKeyPair: async () => {
          const { publicKey, privateKey } = zitadel.makePair();
          return { publicKey, privateKey: redacted(privateKey) };
        },
      });
      lane.receive(own.int(1, 50), () => {
        handler(event).then(
          () => end(true),
          (error: Error) => {
            text(error.message);
            if (error.message.includes('an internal error')) emit('thrown', { what: error.message });
            end(false);
          },
        );
      });
      scheduler.at(now() + INVOCATION_MS, () => end(false));
    });
  }

  const isUndisturbed = plan.faultShare === 0 && plan.lagMs === 0;
  const isAlone = plan.items.every(({ kind }) => kind === 'ask' || kind === 'rotate');
  const isNobodyAway = plan.items.every(({ kind }) => kind !== 'away');

  // Both stages begin with the same key; the operator has one of its own besides.
  const original = zitadel.makeKey('a');
  const texts = { a: original, b: original, application: zitadel.makeKey('application') };
  const secrets = createSecrets(stage, plan, { texts, invoke, onCurrent });
  zitadel.makeKey('a');

  const actions: Actions<Items> = {
    ask({ fleet, sandbox, profile }) {
      const { lane, functions } = start(fleet, sandbox);
      requests += 1;
      const name = FLEETS[fleet].names[profile] ?? '';
      const what = `request ${requests} for ${name} in ${lane.name}`;
      const askedAt = now();
      const endsAt = askedAt + CALLER_MS;
      const event = eventFor('shop', name, what, 'grant_type=client_credentials');
      functions.token(event, { getRemainingTimeInMillis: () => endsAt - now() }).then(
        ({ statusCode, body }) => {
          text(body);
          emit('answered', { what, askedAt, status: now() > endsAt ? 504 : statusCode });
        },
        (error: unknown) => emit('thrown', { what: String(error) }),
      );
    },
    rotate({ secret }) {
      void secrets.rotate(secret).then((isDone = true) => {
        emit('rotated', { secret, isDone, isExcused: !isUndisturbed || !isAlone });
      });
    },
    cancel: secrets.cancel,
    clear({ secret }) {
      const from = secrets.pending(secret);
      if (from === undefined) return;
      count('pending_cleared');
      move(secret, 'AWSPENDING', { from });
    },
    change({ secret }) {
      count('changed_by_hand');
      secrets.write(secret, `by hand ${now()}`, zitadel.makeKey(secret), 'AWSCURRENT');
    },
    put_back(item) {
      const { secret } = item;
      // Nobody puts a version back in the moment in which it is made current.
      if (secrets.isBusy(secret)) return scheduler.at(now() + HAND_MS, () => actions.put_back(item));
      const from = secrets.holder(secret, 'AWSCURRENT');
      const to = secrets.holder(secret, 'AWSPREVIOUS');
      if (to === undefined) return;
      count('put_back');
      move(secret, 'AWSCURRENT', { from, to });
    },
    remove_key({ secret }) {
      const pending = secrets.text(secret, secrets.pending(secret));
      if (pending === undefined) return;
      count('key_removed');
      removedByHand.set(keyIdIn(pending), now());
      zitadel.removeKey(keyIdIn(pending));
    },
    dry_run({ secret }) {
      void secrets.dryRun(secret).then((isPassed = true) => {
        emit('dry_run', { secret, isPassed, isExcused: !isUndisturbed || !isNobodyAway });
      });
    },
    away({ who, durationMs }) {
      count(`${who}_away`);
      away[who] += 1;
      emit('away', { isOn: true });
      scheduler.at(now() + durationMs, () => {
        away[who] -= 1;
        emit('away', { isOn: away.zitadel + away.secrets > 0 });
      });
    },
  };
  if (plan.lagMs > 0) count('lag');
  for (const item of plan.items) scheduler.at(START + item.at, () => actions[item.kind](item as never));

  /** All is well from now on: what is under way ends, and each secret is rotated once more. */
  async function finish(): Promise<void> {
    for (const secret of SECRETS) {
      let isDone: boolean | undefined = false;
      for (let tries = 0; tries < LAST_TRIES && isDone !== true; tries += 1) isDone = await secrets.rotate(secret);
      emit('rotated', { secret, isDone: isDone === true, isExcused: false });
    }
    const kept = new Set(needed().map(({ keyId }) => keyId));
    for (const [keyId, key] of zitadel.present()) {
      if (isMarked(key) && !kept.has(keyId)) emit('left', { what: `key ${keyId}` });
    }
    for (const secret of SECRETS) {
      if (secrets.pending(secret) !== undefined) emit('left', { what: `AWSPENDING of ${secret}` });
    }
    isOver = true;
  }
  let isOver = false;
  const endsAt = START + plan.durationMs + 2 * MINUTE_MS;
  scheduler.at(endsAt, () => {
    isCalm = true;
    secrets.calm();
    for (const secret of SECRETS) secrets.cancel({ secret });
  });
  scheduler.at(endsAt + 2 * INVOCATION_MS, () => void finish());
  const events = await scheduler.run(endsAt + HOUR_MS);
  if (!isOver) emit('rotated', { secret: 'the last of them', isDone: false, isExcused: false });
  return { requests, events, ...basis.result() };
}

/** The rotation of keys, with callers at work. */
export const ROTATION: World = { kinds: ROTATION_FAULTS, promises: Object.keys(PROMISES), createPlan, play };
