import type { JsonWebKey } from 'node:crypto';
import type { Clock } from '../../core/clock.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { DAY_MS, type EpochMs, MINUTE_MS, SECOND_MS } from '../../core/time.ts';
import { parseJsonObject } from '../../oauth/token-response.ts';
import type { Send } from '../../oauth/transport.ts';
import type { FederatedIssuer } from '../profiles/federated-caller.ts';

export type Keys = readonly JsonWebKey[];

/** Public keys change rarely, and issuers publish the next ones before they use them. */
const KEPT_MS = 10 * MINUTE_MS;
/** While an issuer is away, its last known keys are used this long. */
const KEPT_AWAY_MS = DAY_MS;
/** An issuer is read no more often, whatever key ids callers make up. */
export const REREAD_MS = 30 * SECOND_MS;
const LARGEST_BYTES = 64 * 1024;

/** Reads the keys of issuers. */
export interface IssuerKeys {
  /** The keys that may verify `kid`; fails with why the issuer cannot be read. */
  readonly get: (issuer: FederatedIssuer, kid: string) => Promise<Result<Keys, string>>;
}

/** What is known of an issuer. */
interface Known {
  readonly keys: Keys;
  readonly readAt: EpochMs;
}

const isKey = (value: unknown): value is JsonWebKey =>
  typeof value === 'object' && value !== null && ['RSA', 'EC', 'OKP'].includes(String((value as JsonWebKey).kty));

/** The keys that may sign, of a JWK Set (RFC 7517 §5); those of other types and uses are passed over. */
export function parseKeys(body: string): Keys | undefined {
  const keys = parseJsonObject(body)?.keys;
  const usable = Array.isArray(keys) ? keys.filter(isKey) : [];
  return usable.length === 0 ? undefined : usable;
}

export function createIssuerKeys({ clock, send }: { readonly clock: Clock; readonly send: Send }): IssuerKeys {
  const known = new Map<string, Known>();
  const triedAt = new Map<string, EpochMs>();
  const reading = new Map<string, Promise<string | undefined>>();
  /** Why the last reading failed, if it did. */
  const faults = new Map<string, string | undefined>();

  async function getDocument(url: string): Promise<Result<string, string>> {
    const answer = await send({ url, secrets: [] });
    if (!answer.ok) return fail(answer.error.detail);
    const { status, body } = answer.value;
    if (status !== 200) return fail(`status ${status}`);
    return Buffer.byteLength(body) > LARGEST_BYTES ? fail('more than 64 kB') : ok(body);
  }

  /** Where the keys are (OpenID Connect Discovery 1.0 §4.3): on the issuer's own origin. */
  async function locate({ issuer, jwksUri }: FederatedIssuer): Promise<Result<string, string>> {
    if (jwksUri !== undefined) return ok(jwksUri);
    const document = await getDocument(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`);
    if (!document.ok) return document;
    const metadata = parseJsonObject(document.value);
    if (metadata?.issuer !== issuer) return fail('the metadata is of another issuer');
    const uri = metadata.jwks_uri;
    const isOwn = typeof uri === 'string' && URL.canParse(uri) && new URL(uri).origin === new URL(issuer).origin;
    return isOwn ? ok(uri) : fail('the metadata names keys at another origin');
  }

  /** Reads the keys and keeps them. @returns why it could not */
  async function read(issuer: FederatedIssuer): Promise<string | undefined> {
    const url = await locate(issuer);
    const document = url.ok ? await getDocument(url.value) : url;
    if (!document.ok) return document.error;
    const keys = parseKeys(document.value);
    if (keys === undefined) return 'the document holds no keys';
    known.set(issuer.name, { keys, readAt: clock.now() });
    return undefined;
  }

  /** One reading at a time. */
  function readOnce(issuer: FederatedIssuer): Promise<string | undefined> {
    const running = reading.get(issuer.name);
    if (running !== undefined) return running;
    triedAt.set(issuer.name, clock.now());
    const started = read(issuer)
      .then((fault) => {
        faults.set(issuer.name, fault);
        return fault;
      })
      .finally(() => reading.delete(issuer.name));
    reading.set(issuer.name, started);
    return started;
  }

  return {
    async get(issuer, kid) {
      if (issuer.jwks !== undefined) return ok(issuer.jwks);
      const { name } = issuer;
      const has = (within: number) => {
        const held = known.get(name);
        return held !== undefined && clock.now() - held.readAt < within && held.keys.some((key) => key.kid === kid);
      };
      const sinceMs = clock.now() - (triedAt.get(name) ?? Number.NEGATIVE_INFINITY);
      const mayRead = sinceMs >= REREAD_MS || sinceMs < 0 || reading.has(name);
      if (!has(KEPT_MS) && mayRead) await readOnce(issuer);
      const fault = faults.get(name);
      // Whether the issuer has this key is unknown only while the issuer cannot be read.
      return fault === undefined || has(KEPT_AWAY_MS) ? ok(known.get(name)?.keys ?? []) : fail(fault);
    },
  };
}
