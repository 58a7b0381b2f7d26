import { note } from '../../support/command.ts';
import { section } from '../section.ts';
import { DIRECT_FORM, DIRECT_HEADERS } from '../setting.ts';
import { median, quantile, showSpread, spread } from '../stats.ts';
import { BURST_MS, beside, brokered, measureBursts, signed, startServer } from './bursts.ts';
import { post } from './load.ts';
import { startNginx } from './nginx.ts';

const PANELS = [
  { panel: '1 connection, median', at: 1, what: 'p50Ms' },
  { panel: '64 connections, median', at: 64, what: 'p50Ms' },
  { panel: '64 connections, 99th percentile', at: 64, what: 'p99Ms' },
] as const;

/** To ZITADEL, or to what answers in its place. */
const direct = (port: number) => post(port, '/oauth/v2/token', DIRECT_HEADERS, DIRECT_FORM);

/** The broker as a server beside the other ways to a token, on this machine. */
export const httpSection = section({
  name: 'http',
  title: 'End to end over HTTP',
  whole: { rounds: 25 },
  quick: { rounds: 7 },
  async measure({ rounds }) {
    const zitadel = await startServer('zitadel');
    const issuer = `http://127.0.0.1:${zitadel}`;
    const nginx = await startNginx(issuer).catch(({ message }: Error) => note(`without nginx: ${message}`));
    const requests = {
      direct: direct(zitadel),
      'response cache': direct(await startServer('cache', issuer)),
      ...(nginx && { nginx: direct(nginx) }),
      ours: brokered(await startServer('bare', issuer)),
      'ours, SigV4': await signed(await startServer('signed', issuer)),
    };
    return measureBursts(
      requests,
      ({ latenciesMs, perSecond }) => ({ p50Ms: median(latenciesMs), p99Ms: quantile(latenciesMs, 0.99), perSecond }),
      rounds,
    );
  },
  show(raw, { rounds }) {
    const all = beside(raw, 'direct');
    return {
      tables: [
        {
          title: `A token over HTTP, ${rounds} rounds of ${BURST_MS} ms in turns`,
          rows: all.map(({ name, connections, of, times }) => ({
            connections,
            asked: name,
            'p50, ms': showSpread(of('p50Ms'), 3),
            'p99, ms': showSpread(of('p99Ms'), 3),
            'requests/s': showSpread(of('perSecond'), 0),
            'p50 × direct': showSpread(times('p50Ms')),
            'requests/s × direct': showSpread(times('perSecond')),
          })),
        },
      ],
      ratios: all
        .filter(({ name }) => name !== 'direct')
        .map(({ name, connections, times }) => [
          `${name}, requests/s × direct, ${connections} at a time`,
          median(times('perSecond')),
        ]),
      plots: [
        {
          name: 'http-latency',
          title: 'A token over HTTP: time of a request',
          kind: 'dots',
          unit: 'ms, median and quartiles of the rounds',
          marks: PANELS.flatMap(({ panel, at, what }) =>
            all
              .filter(({ connections }) => connections === at)
              .map(({ name, of }) => ({ program: name, panel, ...spread(of(what)) })),
          ),
        },
      ],
    };
  },
});
