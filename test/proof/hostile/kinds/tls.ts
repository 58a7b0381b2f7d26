import { answer, END, RESET, type Step, say } from '../play.ts';
import type { Relay, Security } from '../secure.ts';
import { atZitadel, type Kind, type Meaning } from './kind.ts';

const DOWN = atZitadel('down');

/** The proper answer, on a connection that is secured in some way. */
const secured = (name: string, security: Security, meaning: Meaning = 'down'): Kind => ({
  name: `TLS: ${name}`,
  means: atZitadel(meaning),
  security,
  play: ({ proper }) => [say(answer(proper.status, proper))],
});

/** Certificates by their file, and what is wrong with each. */
const CERTIFICATES: Readonly<Record<string, string>> = {
  'self-signed': 'that is self-signed',
  stranger: 'of an authority that nobody knows',
  expired: 'that has expired',
  early: 'that is not valid yet',
  elsewhere: 'of another host',
  client: 'of a client',
  sha1: 'signed with SHA-1',
  chainless: 'without the one between it and its authority',
  'below-leaf': 'that another server has signed',
};
const certificates = Object.entries(CERTIFICATES).map(([certificate, name]) =>
  secured(`a certificate ${name}`, { certificate }),
);

const settings: readonly Kind[] = [
  // Node still looks there where a certificate has no other name.
  secured('a certificate with the host in its common name alone', { certificate: 'nameless' }, 'answer'),
  secured('all is well', {}, 'answer'),
  secured('version 1.2', { context: { maxVersion: 'TLSv1.2' } }, 'answer'),
  secured('version 1.1 at the most', {
    context: { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' },
  }),
  secured('no cipher in common', {
    context: { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' },
  }),
  secured('a curve that nobody has', { context: { minVersion: 'TLSv1.3', ecdhCurve: 'brainpoolP512r1' } }),
  secured('a client certificate wanted', { socket: { requestCert: true, rejectUnauthorized: false } }, 'answer'),
];

/** How far the server's part of the handshake comes; the whole is some 1,000 bytes. */
const LENGTHS = [1, 4, 5, 6, 40, 90, 127, 200, 500, 700];
const ENDINGS: Readonly<Record<NonNullable<Relay['thenDo']>, string>> = {
  end: 'and hangs up',
  reset: 'and breaks off',
  nothing: 'and falls silent',
};
const cut = LENGTHS.flatMap((cutAfter) =>
  (Object.entries(ENDINGS) as [NonNullable<Relay['thenDo']>, string][]).map(([thenDo, ending]) =>
    secured(`says ${cutAfter} bytes of the handshake ${ending}`, { relay: { cutAfter, thenDo } }),
  ),
);
const spoilt = [0, 1, 3, 5, 20, 45, 90, 130, 300, 600].map((spoilAt) =>
  secured(`byte ${spoilAt} of the handshake is another`, { relay: { spoilAt } }),
);

/** What comes on the port of TLS, and is none. */
const raw = (name: string, steps: readonly Step[]): Kind => ({
  name: `no TLS: ${name}`,
  means: DOWN,
  greets: true,
  play: () => steps,
});

const alert = (level: number, code: number): Buffer => Buffer.from([0x15, 3, 3, 0, 2, level, code]);
const ALERTS: Readonly<Record<string, number>> = {
  'close notify': 0,
  'unexpected message': 10,
  'handshake failure': 40,
  'protocol version': 70,
  'internal error': 80,
  'user cancelled': 90,
  'unrecognised name': 112,
  'an alert that there is none of': 255,
};
const alerts = Object.entries(ALERTS).flatMap(([name, code]) => [
  raw(`a fatal alert, ${name}`, [say(alert(2, code))]),
  raw(`a warning, ${name}`, [say(alert(1, code))]),
]);

const record = (type: number, length: number, body: Buffer): Buffer =>
  Buffer.concat([Buffer.from([type, 3, 3, length >> 8, length & 0xff]), body]);
const HTTP = answer(400, { type: 'text/html', body: '<h1>The plain HTTP request was sent to HTTPS port</h1>' });
const BODIES: Readonly<Record<string, readonly Step[]>> = {
  silence: [],
  'a hang-up': [END],
  'a break': [RESET],
  'plain HTTP': [say(HTTP)],
  'plain HTTP and a hang-up': [say(HTTP), END],
  'a token in plain HTTP': [
    say(
      answer(200, { type: 'application/json', body: '{"access_token":"a","token_type":"Bearer","expires_in":3600}' }),
    ),
  ],
  'a greeting of SSH': [say('SSH-2.0-OpenSSH_9.6\r\n')],
  'a greeting of SMTP': [say('220 mail.example ESMTP\r\n')],
  'bytes of zero': [say(Buffer.alloc(1_000))],
  'bytes of 0xff': [say(Buffer.alloc(1_000, 0xff))],
  'a record that is too long': [say(record(0x16, 0xffff, Buffer.alloc(0xffff)))],
  'a record that promises more': [say(record(0x16, 0x4000, Buffer.from([2, 0, 0x10, 0])))],
  'an empty record': [say(record(0x16, 0, Buffer.alloc(0)))],
  'a record of an unknown type': [say(record(0x63, 4, Buffer.alloc(4)))],
  'data before the handshake': [say(record(0x17, 5, Buffer.from('hello')))],
  'a change of ciphers first': [say(record(0x14, 1, Buffer.from([1])))],
  "a client's greeting": [say(record(0x16, 4, Buffer.from([1, 0, 0, 0])))],
  'a heartbeat': [say(record(0x18, 3, Buffer.from([1, 0x40, 0])))],
  'a finished message first': [say(record(0x16, 4, Buffer.from([20, 0, 0, 0])))],
  'version 2 of SSL': [say(Buffer.from([0x80, 0x2e, 0x04, 0, 1, 0, 2]))],
};
const bodies = Object.entries(BODIES).map(([name, steps]) => raw(name, steps));

/** What goes wrong once the connection is secure. */
const after: readonly Kind[] = [
  { name: 'TLS, then: silence', means: DOWN, security: {}, play: () => [] },
  { name: 'TLS, then: a hang-up', means: DOWN, security: {}, play: () => [END] },
  {
    name: 'TLS, then: half an answer and a hang-up',
    means: DOWN,
    security: {},
    play: ({ proper }) => [say(`HTTP/1.1 200 OK\r\nContent-Type: ${proper.type}\r\nContent-Length: 900\r\n\r\n{`), END],
  },
  {
    name: 'TLS, then: an answer without a length and a hang-up',
    means: atZitadel('answer'),
    security: {},
    play: ({ proper }) => [say(`HTTP/1.1 200 OK\r\nContent-Type: ${proper.type}\r\n\r\n`, proper.body), END],
  },
  {
    name: 'TLS, then: frames of HTTP/2',
    means: atZitadel('nonsense'),
    security: { socket: { ALPNProtocols: ['h2'] } },
    play: () => [say(Buffer.from('00001204000000000000030000008000040000ffff000500ffffff', 'hex'))],
  },
  {
    name: 'TLS, then: one byte in each record',
    means: atZitadel('answer'),
    security: {},
    play: ({ proper }) => [...answer(proper.status, proper)].map((byte) => say(Buffer.from([byte]))),
  },
  {
    name: 'TLS, then: a redirect to plain HTTP',
    means: atZitadel('nonsense'),
    security: {},
    play: () => [say(answer(307, { type: 'text/plain', body: '' }, ['Location: http://127.0.0.1:1/oauth/v2/token']))],
  },
];

export const tlsKinds: readonly Kind[] = [
  ...settings,
  ...certificates,
  ...cut,
  ...spoilt,
  ...alerts,
  ...bodies,
  ...after,
].map((kind) => ({ ...kind, isTls: true as const }));
