import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import type { Answer } from './function.ts';
import { type Circumstances, judge } from './judge.ts';
import { live } from './life.ts';
import { createPlan } from './plan.ts';
import { PATIENCE_MS, usePackage } from './scenarios.ts';

/** Its first storms bring a fault of each dependency, a freeze and a kill. */
const SEED = 302;

const NOW = 1_795_438_700_000;
const MAIN = join(import.meta.dirname, 'main.ts');

const token: Answer = {
  kind: 'response',
  status: 200,
  headers: {},
  text: '',
  json: { access_token: 'a token', expires_in: 30 },
  requestId: 'request-1',
  tookMs: 5,
  line: { time: NOW - 5, ms: 5 },
  endMs: NOW + 30_000,
};
const unavailable: Answer = {
  ...token,
  status: 503,
  headers: { 'retry-after': '3' },
  json: { error: 'temporarily_unavailable', request_id: 'request-1' },
};

describe('what is said is judged', () => {
  const cases: readonly (readonly [string, Answer, Partial<Answer> & Circumstances, readonly RegExp[]])[] = [
    ['a token', token, {}, []],
    ['with 5 s left', token, { json: { expires_in: 5 } }, []],
    ['with 4 s left', token, { json: { expires_in: 4 } }, [/4 s left/]],
    ['that ends before it says', token, { endMs: NOW + 29_999 }, [/promises 1 ms more/]],
    ['that ended while its process was frozen', token, { endMs: NOW + 29_000, frozenMs: 1_000 }, []],
    ['that ended before its process was frozen', token, { endMs: NOW + 28_999, frozenMs: 1_000 }, [/promises 1001 ms/]],
    ['that ZITADEL does not know', token, { endMs: undefined }, [/not good/]],
    ['of which the log says nothing', token, { line: {} }, [/no line of log/]],
    ['an error', unavailable, {}, []],
    ['an error although all is well', unavailable, { isCalm: true }, [/all is well/]],
    ['an error that is not documented for this', unavailable, { status: 500 }, [/status 500/]],
    ['an error without Retry-After', unavailable, { headers: {} }, [/Retry-After NaN/]],
    ['an error that asks to wait for a minute', unavailable, { headers: { 'retry-after': '60' } }, [/60/]],
    ['an error of another request', unavailable, { requestId: 'request-2' }, [/another request/]],
    ['nothing, from a process that was killed', token, { kind: 'lost', isKilled: true }, []],
    ['nothing, from one that lives', token, { kind: 'lost' }, [/lost/]],
    ['nothing in time', token, { kind: 'timed_out', isKilled: true }, [/timed_out/]],
    ['an error that nobody has caught', token, { kind: 'error', text: 'TypeError: x' }, [/TypeError/]],
  ];

  test.each(cases)('%s', (_name, answer, changes, faults) => {
    expect(judge({ ...answer, ...changes }, changes)).toEqual(faults.map((fault) => expect.stringMatching(fault)));
  });
});

test('a seed decides what goes wrong', () => {
  const storms = (seed: number) => {
    const plan = createPlan(seed, 3);
    return Array.from({ length: 50 }, plan.storm);
  };
  expect(storms(1)).toEqual(storms(1));
  expect(storms(1)).not.toEqual(storms(2));
  const faults = storms(1).flatMap((round) => Object.entries(round.faults).map(([at, { kind }]) => `${at} ${kind}`));
  expect(new Set(faults).size).toBeGreaterThan(8);
});

describe('a fleet of processes', () => {
  const broker = usePackage();

  test('through storms and calms: nothing is lost', { timeout: 2 * PATIENCE_MS }, async () => {
    const tally = await live(broker(), { seconds: 3, sandboxes: 3, seed: SEED });
    expect(tally.violations).toEqual([]);
    expect(tally.faults).toBeGreaterThanOrEqual(3);
    expect(tally.answers[200]).toBeGreaterThan(50);
    expect(tally.answers[503]).toBeGreaterThan(0);
  });
});

describe('its command', () => {
  const run = (...args: string[]) => promisify(execFile)(process.execPath, [MAIN, ...args]);

  test('tells how it is used', async () => {
    expect((await run('--help')).stdout).toContain('--seconds N');
  });

  test('leaves no process behind when it is interrupted', { timeout: PATIENCE_MS }, async () => {
    const command = spawn(process.execPath, [MAIN, '--seconds', '60', '--sandboxes', '2'], { stdio: 'ignore' });
    const ended = once(command, 'exit');
    const children = async () => {
      const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid=,args=']);
      return stdout.split('\n').filter((line) => line.includes('bootstrap.cjs') && line.includes(` ${command.pid} `));
    };
    await expect.poll(children, { timeout: PATIENCE_MS }).toHaveLength(2);
    const pids = (await children()).map((line) => Number.parseInt(line, 10));
    command.kill('SIGINT');
    expect(await ended).toEqual([130, null]);
    const isAlive = (pid: number) => {
      try {
        return process.kill(pid, 0);
      } catch {
        return false;
      }
    };
    await expect.poll(() => pids.filter(isAlive), { timeout: PATIENCE_MS }).toEqual([]);
  });

  test.each([
    [['--seconds', 'many'], '--seconds takes a whole number'],
    [['--sandboxes', '0'], '--sandboxes takes a whole number from 1'],
    [['--speed', '9'], "Unknown option '--speed'"],
  ])('%s: tells what is wrong', async (args, message) => {
    await expect(run(...args)).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining(message) });
  });
});
