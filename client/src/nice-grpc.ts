import { ClientError, type ClientMiddleware, Metadata, Status } from 'nice-grpc';
import { replace, type TokenSource } from './token-source.ts';

/**
 * A middleware for clients of nice-grpc, those of `@zitadel/node` too, which adds the token of a profile to each call.
 * UNAUTHENTICATED drops the token; a unary call is sent once more with another one.
 */
export const brokerMiddleware = (profile: TokenSource): ClientMiddleware =>
  async function* (call, options) {
    const send = (token: string) =>
      call.next(call.request, {
        ...options,
        metadata: Metadata(options.metadata).set('authorization', `Bearer ${token}`),
      });
    const { token } = await profile.token(options);
    try {
      return yield* send(token);
    } catch (error) {
      if (!(error instanceof ClientError) || error.code !== Status.UNAUTHENTICATED) throw error;
      const isUnary = !call.requestStream && !call.responseStream;
      const other = isUnary ? await replace(profile, token, options.signal) : profile.reject(token);
      if (!other) throw error;
      return yield* send(other);
    }
  };
