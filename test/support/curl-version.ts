import { spawnSync } from 'node:child_process';

/** The first curl that is known to sign the session token: 7.88. */
export const MIN_CURL = 7088;

const [, major = '0', minor = '0'] =
  /^curl (\d+)\.(\d+)/.exec(spawnSync('curl', ['--version'], { encoding: 'utf8' }).stdout ?? '') ?? [];

/** That of this machine, as 7088 for 7.88; 0 without one. */
export const curlVersion = Number(major) * 1000 + Number(minor);
