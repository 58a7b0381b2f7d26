/** Something that must never happen, and did. */
export interface Finding {
  /** The rule or the promise that is broken. */
  readonly kind: string;
  readonly what: string;
}

/** Makes an assertion or a history of a seed, and plays it. `count` is told the name of all that occurs in it. */
export type Play = (seed: string, count: (name: string) => void) => Promise<readonly Finding[]>;

/** What a run has come to. */
export interface Figures {
  readonly played: number;
  /** How often each decision, change or step occurred. */
  readonly tally: Readonly<Record<string, number>>;
  /** What was found, and in which one. */
  readonly findings: readonly (Finding & { readonly number: number })[];
}

export interface RunOptions {
  readonly runs: number;
  readonly seed: string;
  readonly from?: number;
  /** The kind of finding that is looked for; absent: any. */
  readonly until?: string | undefined;
}

/** Plays one after another until something is found. @param onProgress is told how many were played */
export async function run(
  play: Play,
  { runs, seed, from = 0, until }: RunOptions,
  onProgress: (played: number) => void = () => undefined,
): Promise<Figures> {
  const tally: Record<string, number> = {};
  const findings: (Finding & { number: number })[] = [];
  const count = (name: string) => {
    tally[name] = (tally[name] ?? 0) + 1;
  };
  let played = 0;
  while (played < runs && !findings.some(({ kind }) => until === undefined || kind === until)) {
    const number = from + played;
    for (const finding of await play(`${seed}/${number}`, count)) findings.push({ ...finding, number });
    played += 1;
    onProgress(played);
  }
  return { played, tally, findings };
}
