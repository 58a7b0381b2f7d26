import { again, answer, END, head, html, json, RESET } from '../play.ts';
import type { Relay, Security } from '../secure.ts';
import { atZitadel, type Content, type Kind, type Meaning, type Play, plays, type Table } from './kind.ts';
import { HTTP2_FRAMES } from './wire.ts';

/** What comes once the connection is secure. */
const after = (pattern: string, meaning: Meaning, table: Table<Play>, security: Security = {}): readonly Kind[] =>
  plays(pattern, atZitadel(meaning), table, { security });

/** Kinds that differ in how the server does TLS; then comes the proper answer. */
const secured = (pattern: string, meaning: Meaning, securities: Table<Security>): readonly Kind[] =>
  Object.entries(securities).flatMap(([name, security]) => after(pattern, meaning, { [name]: again }, security));

/** The server's part of the handshake has about 1,000 bytes: how many are sent, and which one is changed. */
const LENGTHS = [1, 4, 5, 6, 40, 90, 127, 200, 500, 700];
const SPOILT = [0, 1, 3, 5, 20, 45, 90, 130, 300, 600];

/** What happens after them. */
const ENDINGS = { 'and hangs up': 'end', 'and breaks off': 'reset', 'and falls silent': undefined } as const;

const relays = (pattern: string, numbers: readonly number[], make: (number: number) => Relay): readonly Kind[] =>
  secured(pattern, 'down', Object.fromEntries(numbers.map((number) => [number, { relay: make(number) }])));

/** What comes on the port of TLS, and is not TLS. */
const raw = (pattern: string, contents: Table<Content>): readonly Kind[] =>
  plays(pattern, atZitadel('down'), contents, { greets: true, security: {} });

const record = (type: number, length: number, body: Buffer | readonly number[]): Buffer =>
  Buffer.from([type, 3, 3, length >> 8, length & 0xff, ...body]);

const ALERTS: Table<number> = {
  'close notify': 0,
  'unexpected message': 10,
  'handshake failure': 40,
  'protocol version': 70,
  'internal error': 80,
  'user cancelled': 90,
  'unrecognised name': 112,
  'an alert that there is none of': 255,
};

const HTTP = html('<h1>The plain HTTP request was sent to HTTPS port</h1>', 400);
const MOVED = ['Location: http://127.0.0.1:1/oauth/v2/token'];

/** What goes wrong with TLS, or does not. */
export const tlsKinds: readonly Kind[] = [
  ...secured('TLS: *', 'answer', {
    // Node uses the common name if a certificate has no other name.
    'a certificate with the host in its common name alone': { certificate: 'nameless' },
    'all is well': {},
    'version 1.2': { context: { maxVersion: 'TLSv1.2' } },
    'a client certificate wanted': { socket: { requestCert: true, rejectUnauthorized: false } },
  }),
  ...secured('TLS: *', 'down', {
    'version 1.1 at the most': { context: { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' } },
    'no cipher in common': { context: { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' } },
    'a curve that nobody has': { context: { minVersion: 'TLSv1.3', ecdhCurve: 'brainpoolP512r1' } },
  }),
  // What is wrong with a certificate, and its file.
  ...secured('TLS: a certificate *', 'down', {
    'that is self-signed': { certificate: 'self-signed' },
    'of an authority that nobody knows': { certificate: 'stranger' },
    'that has expired': { certificate: 'expired' },
    'that is not valid yet': { certificate: 'early' },
    'of another host': { certificate: 'elsewhere' },
    'of a client': { certificate: 'client' },
    'signed with SHA-1': { certificate: 'sha1' },
    'without the one between it and its authority': { certificate: 'chainless' },
    'that another server has signed': { certificate: 'below-leaf' },
  }),
  ...Object.entries(ENDINGS).flatMap(([ending, thenDo]) =>
    relays(`TLS: says * bytes of the handshake ${ending}`, LENGTHS, (cutAfter) => ({ cutAfter, thenDo })),
  ),
  ...relays('TLS: byte * of the handshake is another', SPOILT, (spoilAt) => ({ spoilAt })),
  ...Object.entries(ALERTS).flatMap(([name, code]) => [
    ...raw('no TLS: a fatal alert, *', { [name]: record(0x15, 2, [2, code]) }),
    ...raw('no TLS: a warning, *', { [name]: record(0x15, 2, [1, code]) }),
  ]),
  ...raw('no TLS: *', {
    silence: [],
    'a hang-up': [END],
    'a break': [RESET],
    'plain HTTP': HTTP,
    'plain HTTP and a hang-up': [HTTP, END],
    'a token in plain HTTP': json('{"access_token":"a","token_type":"Bearer","expires_in":3600}'),
    'a greeting of SSH': 'SSH-2.0-OpenSSH_9.6\r\n',
    'a greeting of SMTP': '220 mail.example ESMTP\r\n',
    'bytes of zero': Buffer.alloc(1_000),
    'bytes of 0xff': Buffer.alloc(1_000, 0xff),
    'a record that is too long': record(0x16, 0xffff, Buffer.alloc(0xffff)),
    'a record that promises more': record(0x16, 0x4000, [2, 0, 0x10, 0]),
    'an empty record': record(0x16, 0, []),
    'a record of an unknown type': record(0x63, 4, [0, 0, 0, 0]),
    'data before the handshake': record(0x17, 5, Buffer.from('hello')),
    'a change of ciphers first': record(0x14, 1, [1]),
    "a client's greeting": record(0x16, 4, [1, 0, 0, 0]),
    'a heartbeat': record(0x18, 3, [1, 0x40, 0]),
    'a finished message first': record(0x16, 4, [20, 0, 0, 0]),
    'version 2 of SSL': Buffer.from([0x80, 0x2e, 0x04, 0, 1, 0, 2]),
  }),
  ...after('TLS, then: *', 'down', {
    silence: [],
    'a hang-up': [END],
    'half an answer and a hang-up': ({ proper }) => [`${head(proper, 'Content-Length: 900')}{`, END],
  }),
  ...after('TLS, then: *', 'answer', {
    'an answer without a length and a hang-up': ({ proper }) => [head(proper) + proper.body, END],
    'one byte in each record': (given) => [...again(given)].map((byte) => Buffer.from([byte])),
  }),
  ...after('TLS, then: *', 'nonsense', { 'frames of HTTP/2': HTTP2_FRAMES }, { socket: { ALPNProtocols: ['h2'] } }),
  ...after('TLS, then: *', 'nonsense', {
    'a redirect to plain HTTP': answer(307, { type: 'text/plain', body: '' }, MOVED),
  }),
];
