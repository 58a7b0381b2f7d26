import type { Config } from 'vega-lite';

/** How pages show a picture. */
export const MODES = ['light', 'dark'] as const;
export type Mode = (typeof MODES)[number];

type Colours = Readonly<Record<Mode, string>>;

/** Ours is the only vivid colour; the programs beside it are muted, and can be told apart. */
const OURS: Colours = { light: '#0550ae', dark: '#58a6ff' };
const OTHERS: Readonly<Record<string, Colours>> = {
  floor: { light: '#8c959f', dark: '#8b949e' },
  typical: { light: '#cfa53c', dark: '#b8923a' },
  direct: { light: '#5f6975', dark: '#c3ccd6' },
  'response cache': { light: '#b08bb8', dark: '#a183ad' },
  nginx: { light: '#7fa87a', dark: '#74a06e' },
  'memory only': { light: '#d08a6a', dark: '#c58264' },
  'mutex, 10 s early': { light: '#a3a35c', dark: '#a0a05a' },
  'every service on its own': { light: '#c97b9b', dark: '#c0789a' },
  'table without lease': { light: '#63a3a3', dark: '#5f9f9f' },
};

/**
 * The colour of a program, the same in all plots. Whatever begins with `ours` is ours.
 * @throws {Error} where the program has none
 */
export function colourOf(program: string, mode: Mode): string {
  const colours = program.startsWith('ours') ? OURS : OTHERS[program];
  if (colours === undefined) throw new Error(`${program} has no colour`);
  return colours[mode];
}

/** The colours of text and of thin lines, on GitHub's own background. */
export const INK: Colours = { light: '#1f2328', dark: '#e6edf3' };
const FAINT: Colours = { light: '#d1d9e0', dark: '#3d444d' };

/** How everything looks, whatever the plot. */
export const configOf = (mode: Mode): Config => ({
  aria: false,
  background: 'transparent',
  font: "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif",
  padding: 12,
  view: { stroke: null },
  title: { color: INK[mode], fontSize: 15, anchor: 'start', frame: 'group', offset: 14 },
  header: {
    title: null,
    labelOrient: 'top',
    labelPadding: 3,
    labelColor: INK[mode],
    labelFontSize: 13,
    labelFontWeight: 'bold',
  },
  axis: {
    labelColor: INK[mode],
    titleColor: INK[mode],
    titleFontWeight: 'normal',
    labelFontSize: 12,
    titleFontSize: 12,
    labelLimit: 0,
    labelFlush: false,
    gridColor: FAINT[mode],
    domain: false,
    ticks: false,
    labelPadding: 8,
    titlePadding: 10,
  },
  legend: { labelColor: INK[mode], labelFontSize: 12, labelLimit: 0, title: null, orient: 'top', symbolStrokeWidth: 3 },
  text: { color: INK[mode], fontSize: 12 },
});
