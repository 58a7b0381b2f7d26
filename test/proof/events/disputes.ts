import type { Endpoint, Plan } from './plan.ts';

/**
 * A decision of the broker that is not the documents'. Until it is mended, and the entry gone, it is counted and not held
 * against the broker; all that is asked of answers besides their decision is asked of these too.
 */
export interface Dispute {
  readonly what: string;
  readonly isMeant: (event: unknown, endpoint: Endpoint, decision: string) => boolean;
  /** What is changed in an event that is in order, to meet it. */
  readonly example: Partial<Plan>;
}

/** None at the moment. */
export const DISPUTES: readonly Dispute[] = [];
