/** Holds back what this process prints: what libraries say on their own must not tell anything either. */
export interface Printed {
  /** What was printed since the last time. */
  readonly take: () => string;
  readonly stop: () => void;
}

/** Begins to hold back. */
export function holdPrinted(): Printed {
  let printed = '';
  const { stdout, stderr } = process;
  const before = { stdout: stdout.write, stderr: stderr.write };
  const hold = (chunk: unknown): boolean => {
    printed += typeof chunk === 'string' ? chunk : Buffer.from(chunk as Uint8Array).toString('latin1');
    return true;
  };
  stdout.write = hold;
  stderr.write = hold;
  return {
    take() {
      const taken = printed;
      printed = '';
      return taken;
    },
    stop() {
      stdout.write = before.stdout;
      stderr.write = before.stderr;
    },
  };
}

/** Hears of errors that nobody has caught. */
export interface Strays {
  readonly take: () => readonly string[];
  readonly stop: () => void;
}

/** Begins to listen. */
export function listenForStrays(): Strays {
  const strays: string[] = [];
  const hear = (error: unknown) => void strays.push(error instanceof Error ? String(error.stack) : String(error));
  process.on('unhandledRejection', hear);
  process.on('uncaughtException', hear);
  return {
    take: () => strays.splice(0),
    stop() {
      process.off('unhandledRejection', hear);
      process.off('uncaughtException', hear);
    },
  };
}
