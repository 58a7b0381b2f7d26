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
  /** How often each kind was counted. */
  readonly counts: ReadonlyMap<string, number>;
  /** Calls of ZITADEL during its outages, and the requests that may have led to them. */
  readonly outages?: { readonly sent: number; readonly offered: number };
  readonly violation?: Violation | undefined;
}

/** Takes what happens, a line each. */
export type Tell = (line: string) => void;

/** What is simulated. */
export interface World {
  /** The kinds of faults, or of what else is counted. */
  readonly kinds: readonly string[];
  readonly promises: readonly string[];
  /** Makes the history of a seed. */
  createPlan(seed: string): History;
  /** Plays a history with the real functions; `tell` takes what happens up to the violation. */
  play(plan: History, tell?: Tell): Promise<Run>;
}

/** All worlds, each loaded where it is played. */
export const WORLDS = {
  /** Everything but rotation. */
  broker: async (): Promise<World> => (await import('../simulation/world.ts')).BROKER,
  /** The rotation of keys, with callers at work. */
  rotation: async (): Promise<World> => (await import('../rotation/world.ts')).ROTATION,
  /** Events of API Gateway, each compared with a second authoriser. */
  events: async (): Promise<World> => (await import('../events/world.ts')).EVENTS,
  /** Assertions of callers without IAM, each compared with a second verifier. */
  assertions: async (): Promise<World> => (await import('../federation/assertions.ts')).ASSERTIONS,
  /** Issuers of such assertions that rotate their keys, vanish and lie. */
  issuers: async (): Promise<World> => (await import('../federation/issuers.ts')).ISSUERS,
};
export type WorldName = keyof typeof WORLDS;
export const WORLD_NAMES = Object.keys(WORLDS) as WorldName[];
