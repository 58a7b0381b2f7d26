/** A bug as the log names it: what was thrown, and where in our own code. */
export interface Bug {
  readonly name: string;
  /** File, line and column of the first frame of our own, and the function where it has a name. */
  readonly at?: string;
}

/** A frame of V8's stack that lies in a file of ours: `    at name (/path/lib/room/file.ts:1:2)`, or without a name. */
const FRAME =
  /^ {4}at (?:(?:async )?([\w.$<>]+) \()?(?:file:\/\/)?\/[^\s()]*?((?:lib|functions|infra)\/[\w./-]+\.ts|index\.cjs):(\d+):(\d+)\)?$/;

/**
 * Describes what was thrown without its message, which may hold anything. The message stands at the beginning of the
 * stack and may look like frames: it is cut off first.
 */
export function describeBug(thrown: unknown): Bug {
  if (!(thrown instanceof Error)) return { name: typeof thrown };
  const name = /^\w{1,64}$/.test(thrown.name) ? thrown.name : 'Error';
  const stack = String(thrown.stack ?? '');
  const message = String(thrown.message);
  const from = message === '' ? 0 : stack.indexOf(message);
  if (from < 0) return { name };
  for (const line of stack.slice(from + message.length).split('\n')) {
    if (line.includes('node_modules')) continue;
    const [, caller, file, row, column] = FRAME.exec(line) ?? [];
    if (file !== undefined) return { name, at: `${caller === undefined ? '' : `${caller} `}${file}:${row}:${column}` };
  }
  return { name };
}
