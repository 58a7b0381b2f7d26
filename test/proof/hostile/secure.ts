import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { Duplex, Writable } from 'node:stream';
import tls, { createSecureContext, type SecureContextOptions, TLSSocket, type TLSSocketOptions } from 'node:tls';

const read = (name: string): string => readFileSync(join(import.meta.dirname, 'certificates', `${name}.pem`), 'utf8');

/** What is done to the bytes of a server's handshake on their way. */
export interface Relay {
  /** Of so many bytes no more are passed on than these. */
  readonly cutAfter?: number;
  readonly thenDo?: 'end' | 'reset' | undefined;
  /** One byte is passed on changed. */
  readonly spoilAt?: number;
}

/** How a server does TLS. */
export interface Security {
  /** The name of a file under `certificates/`. */
  readonly certificate?: string;
  readonly context?: SecureContextOptions;
  readonly socket?: TLSSocketOptions;
  readonly relay?: Relay;
}

const contexts = new Map<string, ReturnType<typeof createSecureContext>>();

function contextOf({ certificate = 'good', context = {} }: Security): ReturnType<typeof createSecureContext> {
  const name = `${certificate} ${JSON.stringify(context)}`;
  // Without a session id context, a server that wants a certificate cannot take up an earlier session.
  const options = { cert: read(certificate), key: read('key'), sessionIdContext: 'hostile', ...context };
  const made = contexts.get(name) ?? createSecureContext(options);
  contexts.set(name, made);
  return made;
}

/** A duplex that passes bytes on between a TLS server and the wire, except for what is to be done to them. */
function relayed(wire: Socket, { cutAfter = Number.POSITIVE_INFINITY, thenDo, spoilAt = -1 }: Relay): Duplex {
  let passed = 0;
  const writable = new Writable({
    write(chunk: Buffer, _encoding, done) {
      const bytes = Buffer.from(chunk.subarray(0, Math.max(0, cutAfter - passed)));
      const at = spoilAt - passed;
      if (at >= 0 && at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ 0x55;
      const isCut = passed < cutAfter && passed + bytes.length >= cutAfter;
      passed += bytes.length;
      if (bytes.length > 0) wire.write(bytes);
      if (isCut && thenDo === 'end') wire.end();
      if (isCut && thenDo === 'reset') wire.resetAndDestroy();
      done();
    },
    final(done) {
      wire.end();
      done();
    },
  });
  return Duplex.from({ readable: wire, writable });
}

/** Puts a server's side of TLS around a connection. */
export function secure(wire: Socket, security: Security): TLSSocket {
  const { relay, socket = {} } = security;
  const under = relay === undefined ? wire : relayed(wire, relay);
  const secured = new TLSSocket(under as Socket, { isServer: true, secureContext: contextOf(security), ...socket });
  secured.on('error', () => wire.destroy());
  return secured;
}

/** Lets this process trust the authority of the tests, besides those that it trusts already; answers how to undo it. */
export function trustTestAuthority(): () => void {
  const before = tls.getCACertificates('default');
  tls.setDefaultCACertificates([...before, read('ca')]);
  return () => tls.setDefaultCACertificates(before);
}
