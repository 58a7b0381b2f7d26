import type { TopLevelSpec } from 'vega-lite';
import { type Mark, type Plot, showMark } from './plot.ts';
import { colourOf, configOf, INK, type Mode } from './theme.ts';

const ROWS_WIDTH = 430;
const ROW_HEIGHT = 26;
const LINES_WIDTH = 640;
const LINES_HEIGHT = 260;
const SPACE = 36;

/** Ticks of a logarithmic axis; those outside of what is shown are not drawn. */
const TICKS = [-3, -2, -1, 0, 1, 2, 3, 4, 5, 6].map((power) => 10 ** power);
const FINE_TICKS = TICKS.flatMap((tick) => [tick, 2 * tick, 5 * tick]);

const axisOf = (title: string, ticks: readonly number[] | undefined) => ({
  title,
  format: ',~r',
  ...(ticks === undefined ? { tickCount: 6 } : { values: ticks }),
});

const panelsOf = (marks: readonly Mark[]) => [...new Set(marks.map(({ panel }) => panel))];

function colours(marks: readonly Mark[], mode: Mode, hasLegend: boolean) {
  const domain = [...new Set(marks.map(({ program }) => program))];
  const range = domain.map((program) => colourOf(program, mode));
  return { field: 'program', type: 'nominal', scale: { domain, range }, ...(hasLegend ? {} : { legend: null }) };
}

/** A row for each program, below the title of its panel; a rule from quartile to quartile. */
function rows({ kind, unit, marks }: Plot, mode: Mode) {
  const isBars = kind === 'bars';
  const scale = isBars ? { zero: true, nice: false } : { type: 'log', nice: false, padding: 14 };
  const x = { field: 'value', type: 'quantitative', scale, axis: axisOf(unit, isBars ? undefined : FINE_TICKS) };
  const labelFontWeight = { condition: { test: "indexof(datum.label, 'ours') === 0", value: 'bold' }, value: 'normal' };
  const y = { field: 'program', type: 'nominal', sort: null, axis: { title: null, grid: false, labelFontWeight } };
  const mark = isBars ? { type: 'bar', height: { band: 0.62 } } : { type: 'point', filled: true, size: 110 };
  const values = marks.map((it) => ({ low: it.value, high: it.value, ...it, label: showMark(it) }));
  return {
    data: { values },
    facet: { row: { field: 'panel', sort: panelsOf(marks), header: { labelAngle: 0, labelAnchor: 'start' } } },
    spacing: 14,
    spec: {
      width: ROWS_WIDTH,
      height: { step: ROW_HEIGHT },
      encoding: { y },
      layer: [
        { mark: { ...mark, opacity: 1 }, encoding: { x, color: colours(marks, mode, false) } },
        {
          mark: { type: 'rule', color: INK[mode], strokeWidth: 1.5 },
          encoding: { x: { ...x, field: 'low' }, x2: { field: 'high' } },
        },
        {
          mark: { type: 'text', align: 'left', dx: 12 },
          encoding: { x: { ...x, field: 'high' }, text: { field: 'label' } },
        },
      ],
    },
  };
}

/** A line for each program, ours thicker and above the others; panels side by side. */
function lines({ kind, unit, xTitle = '', marks }: Plot, mode: Mode) {
  const isLogarithmic = kind === 'logarithmic lines';
  const panels = panelsOf(marks);
  const scale = isLogarithmic ? { type: 'log' } : { zero: true };
  const ticks = isLogarithmic ? TICKS : undefined;
  const hasLegend = marks.some(({ program }) => program !== marks[0]?.program);
  return {
    data: { values: marks },
    facet: { column: { field: 'panel', sort: panels } },
    spacing: SPACE,
    spec: {
      width: (LINES_WIDTH - SPACE * (panels.length - 1)) / panels.length,
      height: LINES_HEIGHT,
      encoding: {
        x: { field: 'x', type: 'quantitative', scale, axis: { ...axisOf(xTitle, ticks), grid: false } },
        y: { field: 'value', type: 'quantitative', scale, axis: axisOf(unit, ticks) },
        color: colours(marks, mode, hasLegend),
      },
      layer: [
        { isOurs: false, strokeWidth: 2, size: 45 },
        { isOurs: true, strokeWidth: 3.5, size: 70 },
      ].map(({ isOurs, strokeWidth, size }) => ({
        transform: [{ filter: `(indexof(datum.program, 'ours') === 0) === ${isOurs}` }],
        mark: { type: 'line', strokeWidth, point: { filled: true, size, opacity: 1 } },
      })),
    },
  };
}

/** The specification of a plot for Vega-Lite. */
export const specOf = (plot: Plot, mode: Mode): TopLevelSpec =>
  ({
    title: plot.title,
    config: configOf(mode),
    ...(plot.kind.endsWith('lines') ? lines(plot, mode) : rows(plot, mode)),
  }) as TopLevelSpec;
