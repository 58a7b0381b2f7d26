import { note } from '../../support/command.ts';
import { section } from '../section.ts';
import { CONTENDERS } from './contenders.ts';
import { LIFE_S, situations } from './situations.ts';
import { createStage, type Met } from './stage.ts';

/** The moments whose waits are plotted: ZITADEL answers 500, and ZITADEL takes 3 s. */
const PLOTTED = [1, 6];

/** What one contender's callers have met; all contenders have the same moments. */
interface Played {
  readonly name: string;
  readonly moments: { readonly name: string; readonly met: Met }[];
}

/** What callers of shared caches meet when many come at once, or ZITADEL is not well. */
export const situationsSection = section({
  name: 'situations',
  title: 'Situations that hurt callers',
  whole: { streamMs: 60_000 },
  quick: { streamMs: 20_000 },
  async measure({ streamMs }) {
    const all = Object.entries(CONTENDERS).map(([name, create]) => ({
      create,
      played: { name, moments: [] } as Played,
    }));
    for (const { lifeS = LIFE_S, isQuiet, moments, play } of situations(streamMs)) {
      const playWith = async ({ create, played }: (typeof all)[number]) => {
        const stage = await createStage(create, lifeS);
        const met = await play(stage).finally(stage.close);
        for (const [index, { name }] of moments.entries()) {
          played.moments.push({ name, met: met[index] as Met });
          note(`${name}: ${played.name}`);
        }
      };
      // Crowds would slow each other down; contenders that wait most of the time may do so side by side.
      if (isQuiet) await Promise.all(all.map(playWith));
      else for (const contender of all) await playWith(contender);
    }
    return all.map(({ played }) => played);
  },
  show(raw, { streamMs }) {
    const goals = situations(streamMs).flatMap(({ moments }) => moments.map((moment) => moment.goals));
    const all = raw
      .flatMap(({ name: asked, moments }) =>
        moments.map(({ name: situation, met }, moment) => ({ moment, situation, asked, met })),
      )
      .sort((one, other) => one.moment - other.moment);
    return {
      tables: [
        {
          title: 'ZITADEL answers after 50 ms, unless something else is said',
          rows: all.map(({ situation, asked, met }) => ({
            situation,
            asked,
            'calls of ZITADEL': met.calls,
            errors: `${met.errors} of ${met.callers}`,
            'wait p50, ms': met.waitP50Ms.toFixed(0),
            'longest wait, ms': met.waitMaxMs.toFixed(0),
            'least left, s': met.leastLeftS?.toFixed(0) ?? '–',
          })),
        },
      ],
      goals: all.flatMap(({ moment, asked, met }) => (asked === 'ours' ? (goals[moment]?.(met) ?? []) : [])),
      // Counts, and waits that others set: there is nothing to divide.
      plots: [
        {
          name: 'situations',
          title: 'Longest wait of a caller',
          kind: 'dots',
          unit: 'ms',
          marks: all
            .filter(({ moment }) => PLOTTED.includes(moment))
            .map(({ situation, asked, met }) => ({ program: asked, panel: situation, value: met.waitMaxMs })),
        },
      ],
    };
  },
});
