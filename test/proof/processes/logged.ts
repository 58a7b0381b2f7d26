import { settle } from './settle.ts';
import type { Said } from './turn.ts';

/** What the log says of an answer. */
export interface Logged {
  readonly madeAtMs: number;
  /** What failed, where something did. */
  readonly error: string;
}

function readLine({ ms, time, _aws: metrics, error }: Readonly<Record<string, unknown>>): Logged {
  const at = (metrics as { Timestamp?: number } | undefined)?.Timestamp ?? time;
  return { madeAtMs: Number(at) + Number(ms), error: error === undefined ? '' : ` ${JSON.stringify(error)}` };
}

/** What the log says of each answer, by request id. */
export async function readLog(said: readonly Said[]): Promise<ReadonlyMap<string, Logged>> {
  const lines = new Map<string, Logged>();
  const answered = said.filter(({ answer }) => answer.kind === 'response');
  const read = () => {
    for (const process of new Set(answered.map((one) => one.process))) {
      for (const line of process.log()) lines.set(String(line.id), readLine(line));
    }
    return answered.every(({ answer }) => lines.has(answer.requestId));
  };
  // A line may be on its way for longer than the answer.
  await settle(read);
  return lines;
}
