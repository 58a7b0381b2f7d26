import { createRandom } from '../../proof/runner/random.ts';

export const PROFILES = 50;
export const SANDBOXES = 200;
/** Instances of the services that use one profile. */
export const INSTANCES = 20;

const SHORTEST_LIFE_MS = 300_000;
const LONGEST_LIFE_MS = 900_000;

/** Traffic that can be had again from its numbers. */
export interface Load {
  readonly perSecond: number;
  readonly forMs: number;
}

/** One request. */
export interface Request {
  /** From the beginning. */
  readonly atMs: number;
  readonly profile: number;
  /** Where it goes: one of so many places, in each of which sandboxes follow one another. */
  readonly place: number;
  /** The sandbox, by its number; none comes twice. */
  readonly sandbox: number;
  /** The instance of the service that asks. */
  readonly instance: number;
}

/** Shares of a Zipf distribution, summed up: the profile of rank r is asked for 1/r times as often as the first. */
function zipf(): readonly number[] {
  let sum = 0;
  const sums = Array.from({ length: PROFILES }, (_, rank) => {
    sum += 1 / (rank + 1);
    return sum;
  });
  return sums.map((value) => value / sum);
}

/**
 * Requests at random times, for profiles of which few are asked for often, to one of 200 sandboxes at random; a sandbox
 * lives for 5 to 15 minutes, and another one takes its place.
 */
export function* createTraffic({ perSecond, forMs }: Load): Generator<Request, void> {
  const random = createRandom(`traffic ${perSecond}`);
  const sums = zipf();
  const lifeMs = () => SHORTEST_LIFE_MS + random.next() * (LONGEST_LIFE_MS - SHORTEST_LIFE_MS);
  const occupants = Array.from({ length: SANDBOXES }, (_, place) => {
    // Those of the beginning have lived for a while.
    const endsAt = random.next() * lifeMs();
    return { place, sandbox: place, endsAt };
  });
  let born = SANDBOXES;
  let atMs = 0;
  for (;;) {
    atMs += (-Math.log(1 - random.next()) * 1000) / perSecond;
    if (atMs >= forMs) return;
    const share = random.next();
    const profile = sums.findIndex((sum) => share < sum);
    const occupant = occupants[random.int(0, SANDBOXES - 1)] as (typeof occupants)[number];
    const instance = random.int(0, INSTANCES - 1);
    while (occupant.endsAt <= atMs) {
      occupant.endsAt += lifeMs();
      occupant.sandbox = born;
      born += 1;
    }
    const { place, sandbox } = occupant;
    yield { atMs, profile, place, sandbox, instance };
  }
}
