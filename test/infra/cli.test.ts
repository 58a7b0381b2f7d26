import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { asPublished, COMMANDS } from '../../infra/build/cli.ts';
import manifest from '../../package.json' with { type: 'json' };

const root = join(import.meta.dirname, '../..');
const NPM = process.platform === 'win32' ? 'npm.cmd' : 'npm';

/** This Node, and the one that runs npm, which may be older. */
const NODES = [...new Set([process.execPath, process.env.npm_node_execpath ?? process.execPath])];

/** An empty folder of a user, where the package is installed. */
const home = mkdtempSync(join(tmpdir(), 'cli-'));
const installed = join(home, 'node_modules/zitadel-token-broker');
const bin = join(installed, 'bin/zitadel-token-broker.cjs');
let packed: { readonly files: readonly { readonly path: string }[]; readonly size: number };

beforeAll(() => {
  const text = execFileSync(NPM, ['pack', '--json', '--pack-destination', home, '--silent'], { cwd: root });
  [packed] = Object.values(JSON.parse(String(text).slice(String(text).search(/^[[{]/m)))) as [typeof packed];
  mkdirSync(installed, { recursive: true });
  const [tarball = ''] = readdirSync(home).filter((name) => name.endsWith('.tgz'));
  execFileSync('tar', ['-xzf', join(home, tarball), '-C', installed, '--strip-components', '1']);
}, 120_000);
afterAll(() => rmSync(home, { recursive: true }));

/** Runs a command in the folder of the user. */
function run(node: string, args: readonly string[], input = '') {
  const env = { PATH: process.env.PATH, HOME: home };
  return spawnSync(node, [bin, ...args], { cwd: home, env, input, encoding: 'utf8' });
}

describe.each(NODES)('with %s', (node) => {
  test.each(Object.keys(COMMANDS))('%s explains its options', (name) => {
    const { stdout, stderr, status } = run(node, [name, '--help']);
    expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
    expect(stdout).toContain(`zitadel-token-broker ${name}`);
  });

  test('without a command, it lists them; an unknown one is a wrong command line', () => {
    const { stdout, status } = run(node, []);
    expect(status).toBe(0);
    for (const name of Object.keys(COMMANDS)) expect(stdout).toContain(`  ${name} `);
    expect(run(node, ['--version']).stdout).toBe(`${manifest.version}\n`);
    expect(run(node, ['flash'])).toMatchObject({ status: 2, stderr: expect.stringContaining('no command "flash"') });
  });

  test('commands work where there is no checkout, or say what they need', () => {
    expect(run(node, ['fingerprint'], 'abc').stdout).toMatch(/^[\w-]{12}\n$/);
    const profiles = join(root, 'infra/profiles.yml');
    expect(run(node, ['profiles', '--file', profiles])).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('PREWARM'),
    });
    expect(run(node, ['flush', '--stage', 'prod', '--all'])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('infra/profiles.yml: cannot be read'),
    });
    expect(run(node, ['doctor']).stdout).toMatch(/√ ZTB101 Node/);
    expect(run(node, ['proxy'])).toMatchObject({ status: 2, stderr: expect.stringContaining('--broker URL') });
  });

  test('the proxy starts, and ends with code 0', async () => {
    const args = [bin, 'proxy', '--broker', 'https://a.execute-api.eu-west-1.amazonaws.com', '--port', '0'];
    const env = { PATH: process.env.PATH, HOME: home };
    const proxy = spawn(node, [...args, '--local-token', join(home, 'local-token')], { cwd: home, env });
    let printed = '';
    for await (const chunk of proxy.stdout) {
      printed += chunk;
      if (printed.includes('client_secret')) break;
    }
    const [url = ''] = /http:\/\/127\.0\.0\.1:\d+/.exec(printed) ?? [];
    expect(await (await fetch(`${url}/healthz`)).json()).toEqual({ status: 'ok' });
    expect(statSync(join(home, 'local-token')).mode & 0o777).toBe(0o600);
    proxy.kill('SIGTERM');
    expect(await once(proxy, 'exit')).toEqual([0, null]);
  });
});

describe('the package', () => {
  const MOST_BYTES = 1_000_000;

  test('holds the commands and nothing else', () => {
    const others = packed.files.map(({ path }) => path).filter((path) => !/^bin\/shared\/[A-Z0-9]+\.mjs$/.test(path));
    const files = Object.keys(COMMANDS).map((name) => `bin/${name}.${name === 'proxy' ? 'cjs' : 'mjs'}`);
    const rest = ['bin/THIRD-PARTY-LICENSES', 'bin/zitadel-token-broker.cjs', 'LICENSE', 'README.md', 'package.json'];
    expect(others.sort()).toEqual([...files, ...rest].sort());
    expect(packed.size).toBeLessThan(MOST_BYTES);
  });

  const built = () =>
    readdirSync(join(installed, 'bin'), { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.[cm]js$/.test(name))
      .map((name) => [name, readFileSync(join(installed, 'bin', name), 'utf8')] as const);

  test('needs no other package, and its proxy no other file', () => {
    expect(Object.keys(manifest)).not.toContain('dependencies');
    const [, proxy = ''] = built().find(([file]) => file === 'proxy.cjs') ?? [];
    const asked = [...proxy.matchAll(/\brequire\("([^"]+)"\)/g)].map(([, name = '']) => name);
    expect(asked.filter((name) => !isBuiltin(name))).toEqual([]);
  });

  test('names its own commands', () => {
    for (const [file, text] of built()) {
      expect([
        file,
        text.match(/npm run (?:--silent )?(?:doctor|rotate|flush|block|fingerprint|profiles|proxy)\b/),
      ]).toEqual([file, null]);
    }
  });

  test('has the licences of what it holds', () => {
    const licences = readFileSync(join(installed, 'bin/THIRD-PARTY-LICENSES'), 'utf8');
    for (const name of ['ajv', 'yaml', 'node-forge', '@aws-sdk/client-dynamodb'])
      expect(licences).toContain(`- ${name} `);
  });
});

test.each([
  ['npm run doctor [-- --json]', 'npx zitadel-token-broker doctor [--json]'],
  ['npm run flush -- --stage S', 'npx zitadel-token-broker flush --stage S'],
  ['npm run --silent fingerprint < FILE', 'npx zitadel-token-broker fingerprint < FILE'],
  ['see npm run flush.', 'see npx zitadel-token-broker flush.'],
  ['npm run deploy -- --stage S', 'npm run deploy -- --stage S'],
])('%j is published as %j', (text, expected) => expect(asPublished(text)).toBe(expected));
