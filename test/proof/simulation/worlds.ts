import { PROMISES as ROTATION_PROMISES } from '../rotation/judge.ts';
import { createPlan as createRotationPlan, ROTATION_FAULTS } from '../rotation/plan.ts';
import { playRotation } from '../rotation/world.ts';
import { FAULT_KINDS } from './faults.ts';
import { createPlan } from './plan.ts';
import { PROMISES, playBroker } from './world.ts';

/** Each kind of a table of kinds, with its members, its name and its time in milliseconds. */
export type Kinds<Table, Kind extends keyof Table = keyof Table> = {
  readonly [K in Kind]: { readonly kind: K; readonly at: number } & Readonly<Table[K]>;
}[Kind];

/** What to do about each kind. */
export type Actions<Table> = { readonly [Kind in keyof Table]: (item: Kinds<Table, Kind>) => void };

/** A history: what is made to happen, each item of which can be left out. */
export interface History {
  readonly seed: string;
  readonly items: readonly { readonly kind: string; readonly at: number }[];
}

/** A promise that a run has broken. */
export interface Violation {
  readonly invariant: string;
  readonly what: string;
  /** The true time, in epoch milliseconds. */
  readonly at: number;
}

/** What a run came to, and the first promise that it broke, if any. */
export interface Run {
  readonly requests: number;
  readonly events: number;
  /** How often each fault was injected. */
  readonly faults: ReadonlyMap<string, number>;
  /** Calls of ZITADEL during its outages, and the requests that may have led to them. */
  readonly outages?: { readonly sent: number; readonly offered: number };
  readonly violation?: Violation | undefined;
}

/** Takes what happens, a line each. */
export type Tell = (line: string) => void;

/** What is simulated. */
export interface World {
  readonly faults: readonly string[];
  readonly promises: readonly string[];
  /** Makes the history of a seed. */
  createPlan(seed: string): History;
  /** Plays a history with the real functions; `tell` takes what happens up to the violation. */
  play(plan: History, tell?: Tell): Promise<Run>;
}

/** The broker, and the rotation of keys under it. */
export const WORLDS = {
  broker: { faults: FAULT_KINDS, promises: Object.keys(PROMISES), createPlan, play: playBroker },
  rotation: {
    faults: ROTATION_FAULTS,
    promises: Object.keys(ROTATION_PROMISES),
    createPlan: createRotationPlan,
    play: playRotation,
  },
} satisfies Record<string, World>;
export type WorldName = keyof typeof WORLDS;
