import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { draw } from '../bench/plots/draw.ts';
import { type Plot, showMark } from '../bench/plots/plot.ts';
import { specOf } from '../bench/plots/spec.ts';
import { colourOf, MODES } from '../bench/plots/theme.ts';
import { plotsOf } from '../bench/sections.ts';

const folder = join(import.meta.dirname, '../../docs/benchmarks');
const read = (name: string) => readFileSync(join(folder, name), 'utf8');

const plots = plotsOf(JSON.parse(read('results.json')));
const programsOf = ({ marks }: Plot) => [...new Set(marks.map(({ program }) => program))];

/** The pairs of program and colour in a specification, wherever its scales stand. */
function coloursIn(spec: unknown): readonly (readonly [program: string, colour: string])[] {
  if (typeof spec !== 'object' || spec === null) return [];
  if ('domain' in spec && 'range' in spec && Array.isArray(spec.domain) && Array.isArray(spec.range)) {
    const { domain, range } = spec;
    return domain.map((program, index) => [String(program), String(range[index])] as const);
  }
  return Object.values(spec).flatMap(coloursIn);
}

test.each(MODES)('a program has one colour in all plots, and no other program has it: %s', (mode) => {
  const colours = new Map<string, Set<string>>();
  for (const [program, colour] of plots.flatMap((plot) => coloursIn(specOf(plot, mode)))) {
    const name = program.replace(/^ours, .*/, 'ours');
    colours.set(name, (colours.get(name) ?? new Set()).add(colour));
  }
  expect([...colours.keys()].sort()).toEqual(
    [...new Set(plots.flatMap(programsOf).map((name) => name.replace(/^ours, .*/, 'ours')))].sort(),
  );
  const all = [...colours.values()].map((of) => [...of]);
  expect(all.filter(({ length }) => length !== 1)).toEqual([]);
  expect(new Set(all.flat()).size).toBe(all.length);
});

test('a program without a colour is an error, not another colour', () => {
  expect(() => colourOf('somebody', 'light')).toThrow('somebody has no colour');
});

test('every program and panel of the data is named in the picture, and so is every value of a row', async () => {
  for (const plot of plots) {
    const svg = (await draw(plot, 'light')).replace(/<title>.*?<\/title>/, '');
    const texts = [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text]) => text);
    const panels = plot.marks.map(({ panel }) => panel).filter((panel) => panel !== '');
    const programs = programsOf(plot);
    const values = plot.kind.endsWith('lines') ? [] : plot.marks.map(showMark);
    expect(texts).toEqual(expect.arrayContaining([...panels, ...values, ...(programs.length > 1 ? programs : [])]));
  }
});

test('quartiles are drawn: a wider spread is a longer rule', async () => {
  const mark = { program: 'ours', panel: 'p', value: 50 };
  const ruleOf = async (low: number, high: number) => {
    const marks = [
      { ...mark, low, high },
      { ...mark, program: 'floor', value: 100 },
    ];
    const svg = await draw({ name: 'n', title: 't', kind: 'bars', unit: 'ms', marks }, 'dark');
    return Number(/mark-rule role-mark[^>]*>.*?x2="(-?[\d.]+)"/s.exec(svg)?.[1]);
  };
  const [narrow, wide] = [await ruleOf(45, 55), await ruleOf(25, 75)];
  expect(Math.abs(narrow)).toBeGreaterThan(0);
  expect(Math.abs(wide)).toBeCloseTo(5 * Math.abs(narrow), 0);
});

test('the pictures are those of the results, byte for byte', async () => {
  const drawn: Record<string, string> = {};
  for (const plot of plots) for (const mode of MODES) drawn[`${plot.name}-${mode}.svg`] = await draw(plot, mode);
  expect(readdirSync(folder).filter((name) => name.endsWith('.svg'))).toEqual(Object.keys(drawn).sort());
  for (const [name, svg] of Object.entries(drawn)) expect(svg === read(name), name).toBe(true);
});

test('a mark shows as many digits as suit its value', () => {
  const show = (value: number, low?: number, high?: number) =>
    showMark({ program: 'ours', panel: '', value, ...(low === undefined || high === undefined ? {} : { low, high }) });
  expect(show(5172.9)).toBe('5,173');
  expect(show(110.2, 101.9, 119.4)).toBe('110 (102–119)');
  expect(show(29.06, 21.61, 38.53)).toBe('29 (22–39)');
  expect(show(7, 5.74, 7.8)).toBe('7.0 (5.7–7.8)');
  expect(show(0.69, 0.6, 0.724)).toBe('0.69 (0.60–0.72)');
});
