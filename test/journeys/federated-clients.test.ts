import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { turn } from '../support/turns.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const page = readFileSync(join(root, 'docs/federation.md'), 'utf8');
const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

let stack: ChildProcess;
let folder: string;
let printed = '';
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'projected-'));
  stack = spawn(process.execPath, [join(root, 'infra/local/main.ts'), '--port', '0', '--tls'], { cwd: root });
  for (const stream of [stack.stdout, stack.stderr])
    stream?.on('data', (chunk: Buffer) => {
      printed += chunk;
    });
  while (!printed.includes('Ctrl-C')) {
    if (stack.exitCode !== null) throw new Error(`the stack has ended: ${printed}`);
    await turn();
  }
});
afterAll(() => {
  stack.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

/** The code of the page below a heading that begins with the name and the version of a package. */
function codeOf(name: string): string {
  const heading = `### ${name} ${devDependencies[name]}`;
  expect(page).toContain(`${heading}\n`);
  const [, code = ''] = /```js\n(.*?)```/s.exec(page.slice(page.indexOf(heading))) ?? [];
  return code;
}

test.each(['oauth4webapi', 'openid-client'])('%s gets a token by URL and assertion alone', async (name) => {
  const [, broker = ''] = /^The broker listens on (https:\S+)\.$/m.exec(printed) ?? [];
  const [, authority = ''] = /--cacert "([^"]+)"/.exec(printed) ?? [];
  const [, assertion = ''] = /"(http:\S+\/token\?audience=[^"]+)"/.exec(printed) ?? [];
  const file = join(folder, name);
  writeFileSync(file, await (await fetch(assertion)).text());
  const code = codeOf(name).replace('https://broker.example', broker).replace('/var/run/secrets/broker/token', file);
  const { stdout } = await run(
    process.execPath,
    ['--input-type=module', '--eval', `${code}\nconsole.log(token.length > 100);`],
    { cwd: root, env: { ...process.env, NODE_EXTRA_CA_CERTS: authority } },
  );
  expect(stdout).toBe('true\n');
  expect(printed).toContain('"caller":"kubernetes:system:serviceaccount:shop:orders","status":200');
});
