import type { SecretFault, SecretStore } from '../../../lib/broker/credentials/credentials.ts';
import type { SecretVersions } from '../../../lib/broker/rotation/versions.ts';
import type { Table } from '../../../lib/broker/store/table.ts';
import { createRotateFunction } from '../../../lib/compose/rotate.ts';
import { createTokenFunctions, type TokenFunctions } from '../../../lib/compose/tokens.ts';
import { redacted } from '../../../lib/core/redacted.ts';
import { fail, ok, type Result } from '../../../lib/core/result.ts';
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../../../lib/core/time.ts';
import { tokenEvent } from '../../support/events.ts';
import { createMemoryTable } from '../../support/memory-table.ts';
import { createRandom, type Random } from '../simulation/random.ts';
import { createScheduler, type Lane, NEVER } from '../simulation/scheduler.ts';
import type { Violation } from '../simulation/worlds.ts';
import { createEngine } from './engine.ts';
import { createJudge, PROMISES, type PromiseName } from './judge.ts';
import type { CallFault, Item, Plan, RotationFaultKind } from './plan.ts';
import { createRegistry } from './registry.ts';
import {
  ACCOUNT,
  APPLICATION,
  ARNS,
  createPair,
  FLEETS,
  fleetOf,
  keyIdIn,
  keyJson,
  SECRETS,
  type SecretName,
} from './setting.ts';
import { createVault } from './vault.ts';
import { createZitadel, FAIR, type Weather } from './zitadel.ts';

/** When runs begin: an instant in epoch milliseconds. */
const START = 1_795_438_700_000;

/** What Secrets Manager allows an invocation, as the function's time limit. */
const INVOCATION_MS = 120 * SECOND_MS;
const SECRET_MS = 2 * SECOND_MS;
/** An operator waits so long for a rotation that is under way. */
const HAND_MS = 10 * SECOND_MS;
const CALLER_MS = 15 * SECOND_MS;

/** How often the last rotation is tried: the first may find what an earlier one has left, clean up, and say so. */
const LAST_TRIES = 3;

const ENVIRONMENT = { TABLE_NAME: 'tokens', METRICS_NAMESPACE: 'simulation' };
const AWAY: SecretFault = { kind: 'away', detail: 'InternalServiceError' };

/** Ids that nobody else makes. */
function idsOf(name: string): () => string {
  let ids = 0;
  return () => {
    ids += 1;
    return `${name} ${ids}`;
  };
}

/** What a run came to, and the first promise that it broke, if any. */
export interface Played {
  readonly requests: number;
  readonly events: number;
  readonly faults: ReadonlyMap<RotationFaultKind, number>;
  readonly violation?: Violation;
}

/** Plays a history with the real functions. @param tell takes what happens, in words */
export async function playRotation(plan: Plan, tell: (line: string) => void = () => undefined): Promise<Played> {
  const random = createRandom(plan.seed);
  const scheduler = createScheduler(START, random.fork('order'));
  const now = () => scheduler.now();
  const faults = new Map<RotationFaultKind, number>();
  const count = (fault: RotationFaultKind) => void faults.set(fault, (faults.get(fault) ?? 0) + 1);
  const say = (what: string) => tell(`${((now() - START) / 1000).toFixed(3).padStart(10)} s  ${what}`);
  let violation: Played['violation'];
  const blame = (promise: PromiseName, what: string) => {
    if (judge.isSpoilt()) return;
    violation ??= { invariant: PROMISES[promise], what, at: now() };
    say(`VIOLATION of "${PROMISES[promise]}": ${what}`);
  };
  const away = { zitadel: 0, secrets: 0 };
  let isCalm = false;
  let requests = 0;

  const vault = createVault();
  const registry = createRegistry(now);
  const judge = createJudge({ now, vault, registry, lifeMs: plan.lifeMs, lagMs: plan.lagMs, blame });
  const makePair = () => {
    const pair = createPair();
    judge.plant(pair.privateKey);
    return pair;
  };
  const zitadel = createZitadel({
    scheduler,
    registry,
    random: random.fork('zitadel'),
    lagMs: plan.lagMs,
    lifeMs: plan.lifeMs,
    isAway: () => away.zitadel > 0,
    createPair: makePair,
    onRequest: judge.text,
    onRemoved: (key) => {
      say(`removed key ${key.keyId}`);
      judge.removed(key);
      judge.changed();
    },
    onAdded: (keyId) => say(`added key ${keyId}`),
    onIssued: (fleet, holder, keyId) => {
      if (fleet === 'rotation') return;
      say(`token for ${fleet} by key ${keyId}`);
      judge.issued(`${fleet} ${holder}`);
    },
  });

  /** A key that an operator makes by hand: it has no mark. */
  function makeKey(secret: SecretName): string {
    const { publicKey, privateKey } = makePair();
    const holder = secret === 'application' ? APPLICATION.clientId : ACCOUNT;
    const { keyId } = registry.add({ holder, publicKey, expirationDate: '2099-01-01T00:00:00Z' });
    return keyJson(secret, keyId, privateKey);
  }

  /** One call of Secrets Manager. */
  function call<T>(lane: Lane, own: Random, { draw, crash }: Weather, run: () => T): Promise<Result<T, SecretFault>> {
    if (!lane.isAlive()) return NEVER;
    return new Promise((resolve) => {
      const fault = draw();
      const cancel = lane.clock.after(SECRET_MS, () => resolve(fail({ kind: 'away', detail: 'TimeoutError' })));
      scheduler.at(now() + own.int(2, 40), () => {
        if (fault === 'call_lost') return;
        const isRefused = away.secrets > 0 || fault === 'call_refused';
        const value = isRefused ? undefined : ok(run());
        if (fault === 'reply_lost') return;
        if (fault === 'crashed') {
          crash();
          return;
        }
        lane.receive(own.int(2, 20), () => {
          cancel();
          resolve(value ?? fail(AWAY));
        });
      });
    });
  }

  const secretsFor = (lane: Lane, own: Random, fleet: (typeof FLEETS)[number], weather: Weather): SecretStore => ({
    async read(name) {
      const arn = ARNS[fleet.secrets[name] ?? 'a'];
      const text = await call(lane, own, weather, () => vault.text(arn, vault.labels(arn).get('AWSCURRENT')));
      return text.ok ? ok(redacted(text.value ?? '')) : text;
    },
  });

  const versionsFor = (lane: Lane, own: Random, weather: Weather): SecretVersions => ({
    list: (arn) => call(lane, own, weather, () => vault.versions(arn)),
    async read(arn, id) {
      const text = await call(lane, own, weather, () => vault.text(arn, id));
      return text.ok ? ok(text.value === undefined ? undefined : redacted(text.value)) : text;
    },
    write: (arn, id, text) =>
      call(lane, own, weather, () => {
        const written = vault.write(arn, id, text.reveal(), 'AWSPENDING');
        say(`AWSPENDING of ${id} ${written}`);
        return written;
      }),
    async move(arn, stage, versions) {
      const moved = await call(lane, own, weather, () => {
        const { to = '' } = versions;
        const labels = vault.labels(arn);
        const isBack = vault.wasCurrent(arn, to) && labels.get('AWSCURRENT') !== to;
        const isMoved = move(arn, stage, versions);
        if (isMoved && isBack && stage === 'AWSCURRENT') blame('back', `${to} is current again`);
        return isMoved;
      });
      if (!moved.ok) return moved;
      return moved.value ? ok(undefined) : fail({ kind: 'refused', detail: 'InvalidParameterException' });
    },
  });

  /** Moves a label, and tells the fleet that uses the secret, as EventBridge does. */
  function move(arn: string, stage: string, versions: { from?: string | undefined; to?: string | undefined }): boolean {
    const isMoved = vault.move(arn, stage, versions);
    say(`${stage} from ${versions.from} to ${versions.to}: ${isMoved}`);
    if (isMoved && stage === 'AWSCURRENT') changed(arn);
    return isMoved;
  }

  function changed(arn: string): void {
    const secret = SECRETS.find((name) => ARNS[name] === arn) ?? 'a';
    const index = secret === 'b' ? 1 : 0;
    judge.changes(`fleet ${index} ${secret === 'application' ? APPLICATION.clientId : ACCOUNT}`);
    judge.changed();
    scheduler.at(now() + random.int(SECOND_MS, 5 * SECOND_MS), () => {
      const { lane, functions } = start(index, 0);
      const event = { source: 'aws.secretsmanager', 'detail-type': 'Secret Label Updated', resources: [arn] };
      functions.prewarm(event, { getRemainingTimeInMillis: () => MINUTE_MS }).catch((error: unknown) => {
        const isReport = error instanceof Error && error.message.startsWith('prewarm failed for');
        if (lane.isAlive() && !isReport) blame('thrown', String(error));
      });
    });
  }

  /** Rows must hold no private key, like everything that leaves the broker. */
  const watched = (table: Table): Table => ({
    ...table,
    update(key, update) {
      judge.text(JSON.stringify(update));
      return table.update(key, update);
    },
  });
  const tables = FLEETS.map(() => watched(createMemoryTable()));
  const sandboxes = new Map<string, { lane: Lane; functions: TokenFunctions }>();

  function start(fleet: number, sandbox: number): { lane: Lane; functions: TokenFunctions } {
    const name = `fleet ${fleet} sandbox ${sandbox}`;
    const known = sandboxes.get(name);
    if (known !== undefined) return known;
    const lane = scheduler.lane(name, 0);
    const own = random.fork(name);
    const { profiles } = FLEETS[fleet] ?? FLEETS[0];
    const made = {
      lane,
      functions: createTokenFunctions(profiles, ENVIRONMENT, {
        clock: lane.clock,
        random: own.next,
        uuid: idsOf(name),
        write: judge.text,
        secrets: secretsFor(lane, own, FLEETS[fleet] ?? FLEETS[0], FAIR),
        table: tables[fleet] ?? createMemoryTable(),
        send: zitadel.connect(lane, `fleet ${fleet}`),
      }),
    };
    sandboxes.set(name, made);
    return made;
  }

  let invocations = 0;
  function invoke(secret: SecretName, event: object): Promise<boolean> {
    invocations += 1;
    const name = `rotate ${invocations}`;
    const own = random.fork(name);
    const lane = scheduler.lane(name, 0);
    return new Promise((resolve) => {
      const end = (isDone: boolean) => {
        say(`${name} of ${secret}, ${JSON.stringify(Object.values(event))}: ${isDone}`);
        lane.kill();
        resolve(isDone);
      };
      const weather: Weather = {
        draw() {
          if (isCalm || !own.chance(plan.faultShare)) return undefined;
          const fault = own.pick<CallFault>(['call_lost', 'reply_lost', 'call_refused', 'crashed']);
          count(fault);
          return fault;
        },
        crash: () => end(false),
      };
      const handler = createRotateFunction(fleetOf(secret).profiles, ENVIRONMENT, {
        clock: lane.clock,
        uuid: idsOf(name),
        write: (line) => {
          judge.text(line);
          say(`log      ${line.slice(line.indexOf('"route"'))}`);
        },
        secrets: secretsFor(lane, own, fleetOf(secret), weather),
        versions: versionsFor(lane, own, weather),
        send: zitadel.connect(lane, 'rotation', weather),
        createKeyPair: async () => {
          const { publicKey, privateKey } = makePair();
          return { publicKey, privateKey: redacted(privateKey) };
        },
      });
      lane.receive(own.int(1, 50), () => {
        handler(event).then(
          () => lane.isAlive() && end(true),
          (error: Error) => {
            judge.text(error.message);
            if (error.message.includes('an internal error')) blame('thrown', error.message);
            if (lane.isAlive()) end(false);
          },
        );
      });
      scheduler.at(now() + INVOCATION_MS, () => lane.isAlive() && end(false));
    });
  }

  const engine = createEngine({ scheduler, random: random.fork('engine'), vault, plan, invoke, count });

  const original = makeKey('a');
  for (const secret of SECRETS) {
    // Both stages begin with the same key; the operator has one of its own besides.
    vault.write(ARNS[secret], 'first', secret === 'application' ? makeKey(secret) : original, 'AWSCURRENT');
  }
  makeKey('a');

  const carryOut: { readonly [K in Item['kind']]: (item: Extract<Item, { kind: K }>) => void } = {
    ask({ fleet, sandbox, profile }) {
      const { lane, functions } = start(fleet, sandbox);
      requests += 1;
      const name = FLEETS[fleet]?.names[profile] ?? '';
      const what = `request ${requests} for ${name} in ${lane.name}`;
      const askedAt = now();
      const endsAt = askedAt + CALLER_MS;
      const event = tokenEvent(name, 'grant_type=client_credentials', {
        requestContext: {
          requestId: what,
          authorizer: {
            iam: {
              accountId: '123456789012',
              callerId: 'AROAEXAMPLEEXAMPLE000:i-0abc',
              userArn: 'arn:aws:sts::123456789012:assumed-role/shop/i-0abc',
              userId: 'AROAEXAMPLEEXAMPLE000:i-0abc',
            },
          },
        },
      });
      functions.token(event, { getRemainingTimeInMillis: () => endsAt - now() }).then(
        ({ statusCode, body }) => {
          judge.text(body);
          judge.answered(what, askedAt, now() > endsAt ? 504 : statusCode);
        },
        (error: unknown) => blame('thrown', String(error)),
      );
    },
    rotate({ secret }) {
      const isUndisturbed = plan.faultShare === 0 && plan.lagMs === 0;
      const isAlone = plan.items.every(({ kind }) => kind === 'ask' || kind === 'rotate');
      void engine.rotate(secret).then((isDone) => {
        if (isDone === false && isUndisturbed && isAlone) blame('finishes', `${secret} was not rotated`);
      });
    },
    cancel: ({ secret }) => engine.cancel(secret),
    clear({ secret }) {
      const labels = vault.labels(ARNS[secret]);
      const pending = labels.get('AWSPENDING');
      if (pending === undefined || pending === labels.get('AWSCURRENT')) return;
      count('pending_cleared');
      move(ARNS[secret], 'AWSPENDING', { from: pending });
    },
    change({ secret }) {
      count('changed_by_hand');
      vault.write(ARNS[secret], `by hand ${now()}`, makeKey(secret), 'AWSCURRENT');
      changed(ARNS[secret]);
    },
    put_back(item) {
      const { secret } = item;
      // Nobody puts a version back in the moment in which it is made current.
      if (engine.isBusy(secret)) return scheduler.at(now() + HAND_MS, () => carryOut.put_back(item));
      const labels = vault.labels(ARNS[secret]);
      const [from, to] = [labels.get('AWSCURRENT'), labels.get('AWSPREVIOUS')];
      if (to === undefined) return;
      count('put_back');
      move(ARNS[secret], 'AWSCURRENT', { from, to });
    },
    remove_key({ secret }) {
      const labels = vault.labels(ARNS[secret]);
      const pending = labels.get('AWSPENDING');
      const text = pending === labels.get('AWSCURRENT') ? undefined : vault.text(ARNS[secret], pending);
      if (text === undefined) return;
      count('key_removed');
      say(`key ${keyIdIn(text)} of AWSPENDING is removed by hand`);
      registry.remove(keyIdIn(text), secret === 'application' ? APPLICATION.clientId : ACCOUNT, true);
    },
    dry_run({ secret }) {
      const keys = registry.all().length;
      void engine.dryRun(secret).then((isPassed) => {
        const isCalmRun = plan.faultShare === 0 && plan.lagMs === 0 && plan.items.every(({ kind }) => kind !== 'away');
        if (isPassed === false && isCalmRun) blame('dry', `${secret}: the dry run failed, with ${keys} keys`);
      });
    },
    away({ who, durationMs }) {
      count(`${who}_away`);
      away[who] += 1;
      judge.away(true);
      scheduler.at(now() + durationMs, () => {
        away[who] -= 1;
        judge.away(away.zitadel + away.secrets > 0);
      });
    },
  };
  if (plan.lagMs > 0) count('lag');
  for (const item of plan.items) scheduler.at(START + item.at, () => carryOut[item.kind](item as never));

  /** All is well from now on: what is under way ends, and each secret is rotated once more. */
  async function finish(): Promise<void> {
    for (const secret of SECRETS) {
      let isDone: boolean | undefined = false;
      for (let tries = 0; tries < LAST_TRIES && isDone !== true; tries += 1) isDone = await engine.rotate(secret);
      if (isDone !== true) blame('finishes', `${secret} cannot be rotated`);
    }
    judge.end();
    isOver = true;
  }
  let isOver = false;
  const endsAt = START + plan.durationMs + 2 * MINUTE_MS;
  scheduler.at(endsAt, () => {
    isCalm = true;
    engine.calm();
    for (const secret of SECRETS) engine.cancel(secret);
  });
  scheduler.at(endsAt + 2 * INVOCATION_MS, () => void finish());
  const events = await scheduler.run(endsAt + HOUR_MS);
  if (!isOver) blame('finishes', 'the last rotations do not end');
  return { requests, events, faults, ...(violation === undefined ? {} : { violation }) };
}

/** A history in lines: what was made to happen, then what came of it. */
export async function tellRotation(plan: Plan): Promise<string> {
  const lines: string[] = [];
  await playRotation(plan, (line) => lines.push(line));
  const { items, ...shape } = plan;
  const made = items.map((item) => JSON.stringify(item));
  return [JSON.stringify(shape), 'made to happen:', ...made, 'what came of it:', ...lines].join('\n');
}
