import { readFile } from 'node:fs/promises';
import type { Environment } from '../../../client/src/credentials.ts';
import type { HttpClient } from '../../../lib/net/http-client.ts';
import type { SourceDeps } from './deps.ts';

/** The time limit of a request to STS or IMDS. Both are near. */
const REQUEST_MS = 5_000;
/** A program may ask a server for a session. */
const PROGRAM_MS = 30_000;

const options = { encoding: 'utf8', timeout: PROGRAM_MS, windowsHide: true } as const;

/** The sources' connections to this machine. */
export const createSourceDeps = (env: Environment, http: HttpClient): SourceDeps => ({
  env,
  now: Date.now,
  async request(asked) {
    const answered = await http.send(asked, REQUEST_MS);
    if (!answered.ok) throw new Error(answered.error.detail);
    if (answered.value.status !== 200) throw new Error(`HTTP ${answered.value.status}`);
    return answered.value.body;
  },
  readFile: (file) => readFile(file, 'utf8'),
  async run(file, args) {
    const [{ execFile }, { promisify }] = await Promise.all([import('node:child_process'), import('node:util')]);
    return (await promisify(execFile)(file, args, options)).stdout;
  },
  async runShell(line) {
    const [{ exec }, { promisify }] = await Promise.all([import('node:child_process'), import('node:util')]);
    return (await promisify(exec)(line, options)).stdout;
  },
});
