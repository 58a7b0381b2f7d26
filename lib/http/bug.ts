/** A bug as logged: what was thrown, and where in the broker's own code. */
export interface Bug {
  readonly name: string;
  /** File, line and column of the first frame in the broker's own code, with the function's name, if any. */
  readonly at?: string;
}

/** A V8 stack frame in the broker's own code: `    at name (/path/lib/room/file.ts:1:2)`, or without a name. */
const FRAME =
  /^ {4}at (?:(?:async )?([\w.$<>]+) \()?(?:file:\/\/)?\/[^\s()]*?((?:lib|functions|infra)\/[\w./-]+\.ts|index\.cjs):(\d+):(\d+)\)?$/;

/**
 * Describes what was thrown without its message, which may contain anything. The stack starts with the message, which
 * may look like frames, so it is cut off first.
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
