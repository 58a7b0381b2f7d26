import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { fingerprintCommand } from '../../infra/operations/fingerprint.ts';
import { redacted } from '../../lib/core/redacted.ts';
import { instant, plus } from '../../lib/core/time.ts';
import { createLog } from '../../lib/http/log.ts';

const NOW = instant(1_795_438_700_000);

/** The field `token` of the log for a token that is handed out. */
function logged(text: string): unknown {
  const lines: string[] = [];
  const token = { accessToken: redacted(text), obtainedAt: NOW, expiresAt: plus(NOW, 60_000), refreshAt: NOW };
  const request = { at: NOW, requestId: 'r', route: 'token', profile: 'orders', status: 200, durationMs: 0 };
  createLog('space', (line) => lines.push(line)).request({ ...request, obtained: { token, source: 'memory' } });
  return JSON.parse(lines[0] ?? '').token;
}

const print = (input: string, ...args: string[]) => fingerprintCommand(args, Readable.from([Buffer.from(input)]));

test.each([
  'the-token',
  ' the-token\r\n',
  'eyJhbGciOiJkaXIifQ..aXY.dGV4dA.dGFn',
  'eyJhbGciOiJkaXIifQ==..aXY.dGV4dA.dGFn\n',
])('the fingerprint of %j is the one in the log', async (text) => expect(await print(text)).toBe(`${logged(text)}\n`));

test.each([
  ['', [], 'the input is empty'],
  [' \n', [], 'the input is empty'],
  ['', ['canary-token'], 'write the token to the input'],
  ['', ['--canary-token'], 'write the token to the input'],
])('with the input %j and the arguments %o it says what is wrong, and not the token', async (input, args, message) => {
  const error = await print(input, ...args).catch((thrown: unknown) => thrown);
  expect(String(error)).toContain(message);
  expect(String(error)).not.toContain('canary');
});

test('--help says how', async () => expect(await print('', '--help')).toContain('npm run --silent fingerprint'));
