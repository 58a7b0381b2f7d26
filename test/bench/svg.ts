/** A line or a row of bars, by its name. */
export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

const WIDTH = 720;
const HEIGHT = 360;
const MARGIN = { left: 70, right: 20, top: 40, bottom: 60 };
/** Colours that can be told apart by everybody (Okabe and Ito). */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#000000'];
const TICKS = 5;

const escapeText = (text: string): string => text.replace(/[&<>]/g, (sign) => `&#${sign.charCodeAt(0)};`);
const colour = (index: number): string => COLOURS[index % COLOURS.length] ?? '#000000';
const text = (x: number, y: number, content: string, attributes = ''): string =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${attributes}>${escapeText(content)}</text>`;

/** A number as an axis shows it. */
const short = (value: number): string =>
  Math.abs(value) >= 10_000 ? `${Number((value / 1000).toPrecision(3))}k` : String(Number(value.toPrecision(3)));

function frame(title: string, legend: readonly string[], body: string): string {
  const names = legend.map((name, index) => {
    const x = MARGIN.left + (index * (WIDTH - MARGIN.left)) / Math.max(1, legend.length);
    const y = HEIGHT - 14;
    return `<rect x="${x.toFixed(1)}" y="${y - 9}" width="10" height="10" fill="${colour(index)}"/>${text(x + 14, y, name)}`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="11">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    text(MARGIN.left, 22, title, 'font-size="14" font-weight="bold"'),
    body,
    ...names,
    '</svg>',
    '',
  ].join('\n');
}

interface Axes {
  readonly xLabel: string;
  readonly yLabel: string;
  /** Powers of ten along y. */
  readonly isLogarithmic?: boolean;
}

/** Lines over a common x. */
export function lines(
  title: string,
  series: readonly Series[],
  { xLabel, yLabel, isLogarithmic = false }: Axes,
): string {
  const scale = (value: number) => (isLogarithmic ? Math.log10(Math.max(value, 1e-9)) : value);
  const all = series.flatMap(({ points }) => points);
  const xs = all.map(([x]) => x);
  const ys = all.map(([, y]) => scale(y)).filter(Number.isFinite);
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  const [bottom, top] = [
    isLogarithmic ? Math.floor(Math.min(...ys)) : 0,
    isLogarithmic ? Math.ceil(Math.max(...ys)) : Math.max(...ys, 1e-9),
  ];
  const toX = (x: number) => MARGIN.left + ((x - left) / (right - left || 1)) * (WIDTH - MARGIN.left - MARGIN.right);
  const toY = (y: number) =>
    HEIGHT - MARGIN.bottom - ((scale(y) - bottom) / (top - bottom || 1)) * (HEIGHT - MARGIN.top - MARGIN.bottom);
  const ticks = Array.from({ length: TICKS + 1 }, (_, index) => index / TICKS).flatMap((share) => {
    const y = bottom + share * (top - bottom);
    const value = isLogarithmic ? 10 ** y : y;
    const at = toY(value);
    const x = left + share * (right - left);
    return [
      `<line x1="${MARGIN.left}" y1="${at.toFixed(1)}" x2="${WIDTH - MARGIN.right}" y2="${at.toFixed(1)}" stroke="#dddddd"/>`,
      text(MARGIN.left - 6, at + 4, short(value), 'text-anchor="end"'),
      text(toX(x), HEIGHT - MARGIN.bottom + 16, short(x), 'text-anchor="middle"'),
    ];
  });
  const paths = series.map(
    ({ points }, index) =>
      `<polyline fill="none" stroke-width="2" stroke="${colour(index)}" points="${points
        .map(([x, y]) => `${toX(x).toFixed(1)},${toY(y).toFixed(1)}`)
        .join(' ')}"/>`,
  );
  const labels = [
    text((WIDTH + MARGIN.left) / 2, HEIGHT - MARGIN.bottom + 32, xLabel, 'text-anchor="middle"'),
    text(14, HEIGHT / 2, yLabel, `text-anchor="middle" transform="rotate(-90 14 ${HEIGHT / 2})"`),
  ];
  return frame(
    title,
    series.map(({ name }) => name),
    [...ticks, ...labels, ...paths].join('\n'),
  );
}

/** Bars, one for each name, with what lies around them. */
export function bars(
  title: string,
  items: readonly { readonly name: string; readonly value: number; readonly low?: number; readonly high?: number }[],
  yLabel: string,
): string {
  const top = Math.max(...items.map(({ value, high = value }) => high), 1e-9);
  const toY = (y: number) => HEIGHT - MARGIN.bottom - (y / top) * (HEIGHT - MARGIN.top - MARGIN.bottom);
  const step = (WIDTH - MARGIN.left - MARGIN.right) / items.length;
  const drawn = items.map(({ name, value, low = value, high = value }, index) => {
    const x = MARGIN.left + (index + 0.2) * step;
    const middle = x + 0.3 * step;
    return [
      `<rect x="${x.toFixed(1)}" y="${toY(value).toFixed(1)}" width="${(0.6 * step).toFixed(1)}" height="${(toY(0) - toY(value)).toFixed(1)}" fill="${colour(index)}"/>`,
      `<line x1="${middle.toFixed(1)}" y1="${toY(low).toFixed(1)}" x2="${middle.toFixed(1)}" y2="${toY(high).toFixed(1)}" stroke="#333333"/>`,
      text(middle, toY(high) - 6, short(value), 'text-anchor="middle"'),
      text(middle, HEIGHT - MARGIN.bottom + 16, name, 'text-anchor="middle"'),
    ].join('\n');
  });
  const label = text(14, HEIGHT / 2, yLabel, `text-anchor="middle" transform="rotate(-90 14 ${HEIGHT / 2})"`);
  return frame(title, [], [label, ...drawn].join('\n'));
}
