import { Code, ConnectError, type Interceptor } from '@connectrpc/connect';
import { replace, type TokenSource } from './token-source.ts';

/**
 * An interceptor for transports of Connect, those of `@zitadel/client` too, which adds the token of a
 * profile to each call. `unauthenticated` drops the token; a unary call is sent once more with another one.
 */
export const brokerInterceptor =
  (profile: TokenSource): Interceptor =>
  (next) =>
  async (request) => {
    const send = (token: string) => {
      request.header.set('authorization', `Bearer ${token}`);
      return next(request);
    };
    const { token } = await profile.token({ signal: request.signal });
    try {
      return await send(token);
    } catch (error) {
      if (ConnectError.from(error).code !== Code.Unauthenticated) throw error;
      const other = request.stream ? profile.reject(token) : await replace(profile, token, request.signal);
      if (!other) throw error;
      return send(other);
    }
  };
