import type { AxiosInstance } from 'axios';

/** What is used of a profile. */
interface Fetching {
  fetch(origins: readonly string[]): typeof fetch;
}

/**
 * Lets an instance of axios (1.12 or newer) add the token of a profile to its requests to these origins, and to no others.
 * It then sends by `fetch`. A 401 drops the token; the request is sent once more with another one, unless its body is a
 * stream.
 * @returns the instance
 */
export function withBroker(instance: AxiosInstance, profile: Fetching, origins: readonly string[]): AxiosInstance {
  instance.defaults.adapter = 'fetch';
  instance.defaults.env = { ...instance.defaults.env, fetch: profile.fetch(origins) };
  return instance;
}
