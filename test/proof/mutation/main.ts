import { readdirSync } from 'node:fs';
import { Stryker } from '@stryker-mutator/core';
import stryker from '../../../stryker.config.json' with { type: 'json' };
import { print, runCommand, UsageError } from '../../support/command.ts';

/** `aws` and `compose` decide nothing: they translate and wire. */
const NOT_CHANGED = ['aws', 'compose'];
const ROOMS = readdirSync('lib').filter((name) => !NOT_CHANGED.includes(name));
const LEAST_PERCENT = stryker.thresholds.break;

const HELP = `Changes the code of a room of lib/ in every small way there is, and runs the room's tests against each change.

  npm run mutate -- [--room NAME]... [--only GLOB]

  --room NAME   one of ${ROOMS.join(', ')} (default: each in turn)
  --only GLOB   the files of these rooms to change, such as '**/jwe.ts' (default: all)
  --help        this text

Ends with 0 where the tests notice at least ${LEAST_PERCENT} % of the changes in each room, else with 1.
`;

interface Verdict {
  readonly room: string;
  readonly killed: number;
  readonly total: number;
}

async function mutate(room: string, only: string): Promise<Verdict> {
  // test/proof/mutation/vitest.config.ts, which workers read, chooses the tests by it.
  process.env.MUTATED_ROOM = room;
  const results = await new Stryker({
    mutate: [`lib/${room}/${only}`],
    jsonReporter: { fileName: `.stryker/${room}.json` },
  }).runMutationTest();
  const count = (...statuses: string[]) => results.filter(({ status }) => statuses.includes(status)).length;
  const killed = count('Killed', 'Timeout');
  return { room, killed, total: killed + count('Survived', 'NoCoverage') };
}

const percent = ({ killed, total }: Verdict): number => (100 * killed) / total;

await runCommand({
  help: HELP,
  options: {
    room: { type: 'string', multiple: true, default: ROOMS },
    only: { type: 'string', default: '**/*.ts' },
  },
  async run({ room: rooms, only }) {
    const unknown = rooms.filter((name) => !ROOMS.includes(name));
    if (unknown.length > 0) {
      throw new UsageError(`no room is called ${unknown.join()}; there are ${ROOMS.join(', ')}`);
    }
    const verdicts: Verdict[] = [];
    for (const room of rooms) verdicts.push(await mutate(room, only));
    for (const verdict of verdicts) {
      const { room, killed, total } = verdict;
      print(`${room.padEnd(8)} ${killed} of ${total} killed: ${percent(verdict).toFixed(1)} %`);
    }
    // Of nothing, nothing was killed: NaN is not enough either.
    return verdicts.every((verdict) => percent(verdict) >= LEAST_PERCENT);
  },
});
