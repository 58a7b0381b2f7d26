import { describe, expect, test } from 'vitest';
import { HELP, readSettings, UsageError } from '../../infra/local/settings.ts';

describe('npm start --', () => {
  test.each<[string, object]>([
    ['', { port: 8787, zitadel: true, rest: false, tls: false }],
    ['--port 0 --page-port 9000', { port: 0, pagePort: 9000 }],
    ['--port 0 --rest --tls', { port: 0, rest: true, tls: true }],
    ['--profiles a --secrets b --no-zitadel', { profiles: 'a', secrets: 'b', zitadel: false }],
    ['--throttle 10', { throttle: { ratePerSecond: 10, burst: 10 } }],
    ['--throttle 0.5', { throttle: { ratePerSecond: 0.5, burst: 1 } }],
    ['--throttle 500:1000', { throttle: { ratePerSecond: 500, burst: 1000 } }],
    ['--caller-rate 10', { callerRate: '10' }],
    ['--caller-rate=0.5', { callerRate: '0.5' }],
    ['--throttle=0:0', { throttle: { ratePerSecond: 0, burst: 0 } }],
  ])('%s', (line, settings) => {
    expect(readSettings(line.split(' ').filter(Boolean))).toMatchObject(settings);
  });

  test.each<[string, RegExp]>([
    ['--port x', /--port takes a number from 0 to 65535/],
    ['--port 65536', /--port takes a number/],
    ['--page-port 70000', /--page-port takes a number/],
    ['--prot 1', /--prot/],
    ['--profiles a', /--profiles and --secrets must be used together/],
    ['--no-zitadel', /--no-zitadel needs --profiles and --secrets/],
    ...['x', '1:', ':1', '-1', '1:x', '1:2:3', '1e3'].map((value): [string, RegExp] => [
      `--throttle=${value}`,
      /--throttle takes RATE or RATE:BURST/,
    ]),
    ...['x', '-1', '1e3'].map((value): [string, RegExp] => [`--caller-rate=${value}`, /--caller-rate takes a number/]),
  ])('%s is refused', (line, message) => {
    const read = () => readSettings(line.split(' '));
    expect(read).toThrow(UsageError);
    expect(read).toThrow(message);
  });

  test('--help tells all options', () => {
    for (const option of [
      'port N',
      'page-port N',
      'profiles FILE',
      'secrets FILE',
      'no-zitadel',
      'tls',
      'throttle RATE',
      'caller-rate N',
      'rest',
      'help',
    ])
      expect(HELP).toContain(`  --${option}`);
  });
});
