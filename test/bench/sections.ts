import { clientSection } from './client/section.ts';
import { coldStartSection } from './cold/section.ts';
import { crowdSection } from './crowd/section.ts';
import { fleetSection } from './fleet/section.ts';
import { growthSection } from './growth/section.ts';
import { httpSection } from './http/section.ts';
import type { Plot } from './plots/plot.ts';
import { proxySection } from './proxy/section.ts';
import { savingsSection } from './savings/section.ts';
import type { Section } from './section.ts';
import { signingSection } from './signing.ts';
import { situationsSection } from './situations/section.ts';
import { warmHitSection } from './warm/section.ts';

/** All parts, in the order of the report. */
export const SECTIONS: readonly Section[] = [
  coldStartSection,
  warmHitSection,
  crowdSection,
  httpSection,
  proxySection,
  situationsSection,
  savingsSection,
  fleetSection,
  growthSection,
  signingSection,
  clientSection,
];

/** The plots of results.json, which holds the raw figures of each part by its name. */
export const plotsOf = (results: Readonly<Record<string, unknown>>): readonly Plot[] =>
  SECTIONS.filter(({ name }) => name in results).flatMap(
    ({ name, show, whole, quick }) => show(results[name], results.isQuick ? quick : whole).plots ?? [],
  );
