import type { IncomingHttpHeaders } from 'node:http';
import type { Form } from './form.ts';

/** A request whose parameters are not parsed yet. */
export interface RawRequest {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** The issuer that the request addresses. */
  readonly issuer: string;
  readonly nowMs: number;
}

/** A request as the endpoints of OAuth see it. */
export interface Request extends RawRequest {
  readonly form: Form;
}

/** A response; without `contentType` the header is absent. */
export interface Reply {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  /** Replaces the headers that forbid caching. */
  readonly headers?: Readonly<Record<string, string>>;
}

export const isReply = (value: object): value is Reply => 'contentType' in value;

export const json = (value: unknown, status = 200): Reply => ({
  status,
  contentType: 'application/json',
  body: JSON.stringify(value),
});

export const text = (body: string, status = 200): Reply => ({ status, contentType: 'text/plain; charset=utf-8', body });

/** An answer without a body. */
export const bare = (status: number, headers: Readonly<Record<string, string>>): Reply => ({
  status,
  contentType: '',
  body: '',
  headers,
});

/** An error of OAuth's endpoints (RFC 6749 §5.2), 400 in nearly every case. */
export const refuse = (error: string, description?: string, status = 400): Reply =>
  json({ error, error_description: description }, status);

/** The token of a Bearer header. The scheme is case-sensitive; `undefined` when the header is anything else. */
export function bearerOf(authorization = ''): string | undefined {
  const [, token, ...more] = authorization.split('Bearer ');
  return more.length === 0 ? token : undefined;
}
