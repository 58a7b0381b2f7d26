import type { Answer, FunctionProcess } from './function.ts';
import type { Blow, Turn } from './plan.ts';
import { sleep } from './settle.ts';
import type { World } from './world.ts';

/** A place in the fleet: the process in it may be killed, and another one takes its place. */
export interface Slot {
  process: FunctionProcess;
}

/** What a sandbox said to a request. */
export interface Said {
  readonly process: FunctionProcess;
  readonly profile: string;
  readonly answer: Answer;
  /** Epoch milliseconds of its token's end by ZITADEL's own word, if it has one that is good. */
  readonly endMs: number | undefined;
  /** Whether its process was killed meanwhile, or for how long it was frozen. */
  readonly isKilled: boolean;
  readonly frozenMs: number;
}

/** Longer than any freeze and all that may be waited for: who has not answered by then hangs. */
const TIMEOUT_MS = 30_000;

/** What became of a turn. */
export interface Taken {
  readonly said: readonly Said[];
  /** The blow, if it came before the last answer. */
  readonly struck?: Blow['kind'];
}

/** Makes the requests of a turn, one after the other, and deals the blow while they are under way. */
export async function takeTurn(world: World, slot: Slot, { profiles, blow }: Turn): Promise<Taken> {
  const { process } = slot;
  const said: Said[] = [];
  let isKilled = false;
  let frozenMs = 0;
  let struck: Promise<void> | undefined;

  async function strike(dealt: Blow): Promise<void> {
    if (dealt.kind === 'kill') {
      isKilled = true;
      return world.kill(process);
    }
    frozenMs = dealt.forMs;
    process.freeze();
    await sleep(dealt.forMs);
    process.thaw();
  }

  const timer = setTimeout(() => {
    if (blow !== undefined) struck = strike(blow);
  }, blow?.afterMs);
  for (const profile of profiles) {
    const answer = await world.ask(process, { profile, timeoutMs: TIMEOUT_MS });
    // Asked at once: later it may not be good any more.
    const endMs = answer.status === 200 ? await world.tokenEnd(answer.json.access_token) : undefined;
    said.push({ process, profile, answer, endMs, isKilled, frozenMs });
    if (answer.kind !== 'response') break;
  }
  clearTimeout(timer);
  await struck;
  if (isKilled) slot.process = await world.start('token');
  return { said, ...(struck === undefined || blow === undefined ? {} : { struck: blow.kind }) };
}
