import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type Plot } from './plot.ts';
import { specOf } from './spec.ts';
import { MODES, type Mode } from './theme.ts';

const escapeText = (text: string): string => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);

/** A plot as SVG with a transparent background. The same plot gives the same bytes. */
export async function draw(plot: Plot, mode: Mode): Promise<string> {
  // Loaded here, since measuring needs neither.
  const [vega, { compile }] = await Promise.all([import('vega'), import('vega-lite')]);
  const view = new vega.View(vega.parse(compile(specOf(plot, mode)).spec), { renderer: 'none' });
  vega.resetSVGDefIds();
  const svg = await view.toSVG();
  view.finalize();
  const text = escapeText(describe(plot));
  return `${svg.replace(/^<svg/, `<svg role="img" aria-label="${text}"`).replace(/>/, `><title>${text}</title>`)}\n`;
}

/** Writes each plot for both modes. */
export async function writePlots(folder: string, plots: readonly Plot[]): Promise<void> {
  for (const plot of plots) {
    for (const mode of MODES) writeFileSync(join(folder, `${plot.name}-${mode}.svg`), await draw(plot, mode));
  }
}

/** The Markdown that shows a plot in the mode of the page. */
export const showPicture = ({ name, title }: Plot): string =>
  [
    '<picture>',
    `  <source media="(prefers-color-scheme: dark)" srcset="${name}-dark.svg">`,
    `  <img alt="${escapeText(title)}" src="${name}-light.svg">`,
    '</picture>',
  ].join('\n');
