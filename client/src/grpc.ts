import { type CallCredentials, credentials, Metadata } from '@grpc/grpc-js';
import type { TokenSource } from './token-source.ts';

/**
 * Credentials of calls with grpc-js, which add the token of a profile. Combine them with those of the channel:
 * `credentials.combineChannelCredentials(credentials.createSsl(), brokerCredentials(profile))`. grpc-js sends them over TLS
 * only, and tells nobody of UNAUTHENTICATED: call `profile.reject(token)` yourself.
 */
export const brokerCredentials = (profile: TokenSource): CallCredentials =>
  credentials.createFromMetadataGenerator((_parameters, done) => {
    profile.token().then(
      ({ token }) => {
        const metadata = new Metadata();
        metadata.set('authorization', `Bearer ${token}`);
        done(null, metadata);
      },
      (error: Error) => done(error),
    );
  });
