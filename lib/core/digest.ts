import { createHash } from 'node:crypto';

/** SHA-256 in base64url, 43 characters: identifies a secret without revealing it. */
export const digest = (text: string): string => createHash('sha256').update(text).digest('base64url');

const FINGERPRINT_LENGTH = 12;

/** The start of the digest: enough to find a token in logs, too short to prove anything about it. */
export const fingerprint = (text: string): string => digest(text).slice(0, FINGERPRINT_LENGTH);
