import { SECOND_MS } from './time.ts';

/** The bounds of the parameter `requestTimeoutSeconds`. Below, a far ZITADEL is out of reach; above, callers wait too long. */
const LEAST_SECONDS = 3;
const MOST_SECONDS = 5;

/**
 * The time limit of one request to ZITADEL, in milliseconds, from looking up its name to the end of the answer: the
 * parameter `requestTimeoutSeconds` of the deployment, read once, because the lease and other limits follow from it.
 */
export const REQUEST_MS =
  Math.min(Math.max(Number(process.env.REQUEST_TIMEOUT_SECONDS) || LEAST_SECONDS, LEAST_SECONDS), MOST_SECONDS) *
  SECOND_MS;
