import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Environment } from '../../client/src/credentials.ts';
import { type Form, parseForm } from '../../lib/oauth/form.ts';
import { UsageError } from '../local/settings.ts';

/** A secret must not be guessed: 128 bits. */
const LEAST_CHARACTERS = 22;
const RANDOM_BYTES = 32;

/** Says whether a file is there; a parameter, since tests cannot make `/.dockerenv`. */
type Exists = (file: string) => boolean;

/**
 * Whether this is a container, where other processes may forward requests of strangers: Kubernetes, ECS, EKS Pod Identity,
 * Docker.
 */
export const isContainer = (env: Environment, exists: Exists = existsSync): boolean =>
  env.KUBERNETES_SERVICE_HOST !== undefined ||
  Object.keys(env).some((name) => name.startsWith('AWS_CONTAINER_CREDENTIALS_')) ||
  exists('/.dockerenv');

/** Where the proxy keeps what outlives it. */
export const stateFolder = (env: Environment): string =>
  join(env.XDG_STATE_HOME || join(env.HOME || homedir(), '.local/state'), 'zitadel-token-broker');

/** Creates a file that only its owner can read, unless it exists. */
function create(file: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  try {
    writeFileSync(file, `${randomBytes(RANDOM_BYTES).toString('base64url')}\n`, { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** The file with the local token, and its check. */
export interface LocalToken {
  readonly file: string;
  /** Whether one of the secrets is the one in the file, which may have changed. Takes the same time for every secret. */
  readonly isKnown: (secrets: readonly string[]) => boolean;
}

/**
 * Opens the file with the secret that clients must send; creates it with a random one if it is missing.
 * @throws {UsageError} if it cannot be read or created, or its secret is too short
 */
export function openLocalToken(file: string): LocalToken {
  let changedAt = Number.NaN;
  let expected: Buffer | undefined;
  function read(): void {
    const { mtimeMs } = statSync(file);
    if (mtimeMs === changedAt) return;
    const text = readFileSync(file, 'utf8').trim();
    if (text.length < LEAST_CHARACTERS) {
      throw new UsageError(
        `${file} must hold at least ${LEAST_CHARACTERS} random characters: remove it to get a new one`,
      );
    }
    expected = digest(text);
    changedAt = mtimeMs;
  }
  try {
    create(file);
    read();
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw new UsageError(
      `${file} cannot be read or created (${code}): name a file with --local-token FILE, or give --no-local-token`,
    );
  }
  const compare = (secrets: readonly string[]) =>
    secrets.map((secret) => expected !== undefined && timingSafeEqual(digest(secret), expected)).includes(true);
  return {
    file,
    isKnown(secrets) {
      if (secrets.length === 0) return false;
      if (compare(secrets)) return true;
      try {
        // Whoever manages the file may have replaced the secret.
        read();
      } catch {
        return false;
      }
      return compare(secrets);
    },
  };
}

/** The password of HTTP Basic: form-url-encoded (RFC 6749 §2.3.1), which many clients leave out. */
function passwordsOf(encoded: string): readonly string[] {
  const decoded = Buffer.from(encoded, 'base64').toString('utf8');
  const raw = decoded.slice(decoded.indexOf(':') + 1);
  const form = parseForm(`secret=${raw.replace(/[&=]/g, encodeURIComponent)}`);
  return form.ok ? [raw, form.value.get('secret') ?? ''] : [raw];
}

/** How a request authenticates its client (RFC 6749 §2.3.1). */
export interface ClientAuthentication {
  /** Whether it does, by any method. */
  readonly isSent: boolean;
  /** What its secret may be: that of the header is encoded or not. */
  readonly secrets: readonly string[];
}

/** Reads the client authentication of a request. */
export function readClientAuthentication({ authorization }: IncomingHttpHeaders, form: Form): ClientAuthentication {
  const [, encoded] = /^Basic +(\S+)$/i.exec(authorization ?? '') ?? [];
  const inBody = form.get('client_secret');
  return {
    isSent:
      authorization !== undefined || inBody !== undefined || form.has('client_id') || form.has('client_assertion'),
    secrets: [...(encoded === undefined ? [] : passwordsOf(encoded)), ...(inBody === undefined ? [] : [inBody])],
  };
}
