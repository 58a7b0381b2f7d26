/** The parts of node-forge that are in use; the package has no types. */
declare module 'node-forge' {
  export interface Certificate {
    publicKey: unknown;
    serialNumber: string;
    readonly validity: { notBefore: Date; notAfter: Date };
    readonly subject: { readonly attributes: readonly object[] };
    setSubject(attributes: readonly object[]): void;
    setIssuer(attributes: readonly object[]): void;
    setExtensions(extensions: readonly object[]): void;
    generateSubjectKeyIdentifier(): { getBytes(): string };
    sign(key: unknown, digest: unknown): void;
  }
  const forge: {
    readonly md: { readonly sha256: { create(): unknown } };
    readonly pki: {
      createCertificate(): Certificate;
      privateKeyFromPem(pem: string): unknown;
      publicKeyFromPem(pem: string): unknown;
      certificateFromPem(pem: string): Certificate;
      certificateToPem(certificate: Certificate): string;
    };
  };
  export default forge;
}
