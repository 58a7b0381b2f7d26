import { createPrivateKey, X509Certificate } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TlsIdentity } from '../stand-in.ts';
import { createAuthority, createServerIdentity } from './certificate.ts';

const DAY_MS = 86_400_000;
const AUTHORITY_MS = 3650 * DAY_MS;
/** A server gets a certificate at each start. Some clients refuse one that is valid for longer. */
const SERVER_MS = 397 * DAY_MS;

const OWNER_ONLY = 0o600;

/** A server's key and certificate, and the file of the authority that clients must trust. */
export interface LocalTls {
  readonly identity: TlsIdentity;
  readonly authorityFile: string;
}

const BLOCK = /-----BEGIN (?<kind>PRIVATE KEY|CERTIFICATE)-----[\s\S]+?-----END \k<kind>-----/g;

/** The authority in a file, if it outlives a server's certificate that begins now. */
export function readKept(file: string, nowMs: number): TlsIdentity | undefined {
  try {
    const [key = '', cert = ''] = readFileSync(file, 'utf8').match(BLOCK) ?? [];
    const certificate = new X509Certificate(cert);
    const isUsable =
      certificate.checkPrivateKey(createPrivateKey(key)) &&
      Date.parse(certificate.validFrom) <= nowMs &&
      Date.parse(certificate.validTo) > nowMs + SERVER_MS;
    return isUsable ? { key, cert } : undefined;
  } catch {
    return undefined;
  }
}

/** Writes a file whole or not at all: another start may read it. */
function replace(file: string, text: string, mode: number): void {
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, text, { mode });
  chmodSync(draft, mode);
  renameSync(draft, file);
}

/**
 * Creates a certificate for this machine, of an authority that the folder keeps across starts. The authority is
 * replaced a year before it ends. Only the owner of the folder can read its key.
 */
export async function createLocalTls(folder: string, nowMs: number): Promise<LocalTls> {
  const keyFile = join(folder, 'ca-key.pem');
  const authorityFile = join(folder, 'ca.pem');
  mkdirSync(folder, { recursive: true });
  const kept = readKept(keyFile, nowMs);
  const authority = kept ?? (await createAuthority({ fromMs: nowMs - DAY_MS, toMs: nowMs + AUTHORITY_MS }));
  replace(keyFile, `${authority.key.trim()}\n${authority.cert.trim()}\n`, OWNER_ONLY);
  replace(authorityFile, `${authority.cert.trim()}\n`, 0o644);
  const identity = await createServerIdentity(authority, { fromMs: nowMs - DAY_MS, toMs: nowMs + SERVER_MS });
  return { identity, authorityFile };
}
