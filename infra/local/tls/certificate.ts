import { generateKeyPair, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import forge, { type Certificate } from 'node-forge';
import type { TlsIdentity } from '../stand-in.ts';

/** From when to when a certificate is valid, in epoch milliseconds. */
export interface Validity {
  readonly fromMs: number;
  readonly toMs: number;
}

const { pki, md } = forge;

const AUTHORITY = 'zitadel-token-broker local stack';
const DNS_NAME = 2;
const IP_ADDRESS = 7;

/**
 * RFC 5280 §4.2.1.10, in DER: only localhost, 127.0.0.1 and ::1. Whoever trusts the authority, even in a whole browser,
 * trusts it for this machine alone.
 */
const NAME_CONSTRAINTS = Buffer.from(
  `303fa03d300b8209${Buffer.from('localhost').toString('hex')}300a87087f000001ffffffff30228720${'00'.repeat(15)}01${'ff'.repeat(16)}`,
  'hex',
).toString('latin1');

const authorityExtensions = [
  { name: 'basicConstraints', cA: true, pathLenConstraint: 0, critical: true },
  { name: 'keyUsage', keyCertSign: true, critical: true },
  { name: 'subjectKeyIdentifier' },
  { id: '2.5.29.30', critical: true, value: NAME_CONSTRAINTS },
];

const serverExtensions = (authority: Certificate) => [
  { name: 'basicConstraints', cA: false, critical: true },
  { name: 'keyUsage', digitalSignature: true, keyEncipherment: true, critical: true },
  { name: 'extKeyUsage', serverAuth: true },
  { name: 'subjectKeyIdentifier' },
  { name: 'authorityKeyIdentifier', keyIdentifier: authority.generateSubjectKeyIdentifier().getBytes() },
  {
    name: 'subjectAltName',
    altNames: [
      { type: DNS_NAME, value: 'localhost' },
      { type: IP_ADDRESS, ip: '127.0.0.1' },
      { type: IP_ADDRESS, ip: '::1' },
    ],
  },
];

/** A new certificate for a new key, signed by the issuer, or by itself if there is none. */
async function create({ fromMs, toMs }: Validity, issuer?: TlsIdentity): Promise<TlsIdentity> {
  const { publicKey, privateKey } = await promisify(generateKeyPair)('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const certificate = pki.createCertificate();
  certificate.publicKey = pki.publicKeyFromPem(publicKey);
  // RFC 5280 §4.1.2.2: positive; the first bit is the sign.
  certificate.serialNumber = `01${randomBytes(15).toString('hex')}`;
  certificate.validity.notBefore = new Date(fromMs);
  certificate.validity.notAfter = new Date(toMs);
  const authority = issuer === undefined ? certificate : pki.certificateFromPem(issuer.cert);
  // Each authority has a name of its own, since a client may know several.
  const name = issuer === undefined ? `${AUTHORITY} ${certificate.serialNumber.slice(-8)}` : 'localhost';
  certificate.setSubject([{ name: 'commonName', value: name }]);
  certificate.setIssuer(authority.subject.attributes);
  certificate.setExtensions(issuer === undefined ? authorityExtensions : serverExtensions(authority));
  certificate.sign(pki.privateKeyFromPem(issuer?.key ?? privateKey), md.sha256.create());
  return { key: privateKey, cert: pki.certificateToPem(certificate) };
}

/** Creates a certificate authority that can sign for this machine only (RFC 5280). */
export const createAuthority = (validity: Validity): Promise<TlsIdentity> => create(validity);

/** Creates a server's key and certificate for localhost, 127.0.0.1 and ::1. */
export const createServerIdentity = (authority: TlsIdentity, validity: Validity): Promise<TlsIdentity> =>
  create(validity, authority);
