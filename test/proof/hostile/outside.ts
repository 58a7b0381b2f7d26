/** What a process does besides answering. */
export interface Outside {
  /** What libraries print on their own: it must tell no secret either. */
  readonly printed: string;
  /** Errors that nobody has caught. */
  readonly strays: readonly string[];
}

/** Holds back what this process prints and listens for errors that nobody catches; ends with the returned function. */
export function observeOutside(): () => Outside {
  let printed = '';
  const strays: string[] = [];
  const { stdout, stderr } = process;
  const before = { stdout: stdout.write, stderr: stderr.write };
  const hold = (chunk: string | Uint8Array): boolean => {
    printed += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('latin1');
    return true;
  };
  const hear = (error: unknown) => void strays.push(error instanceof Error ? String(error.stack) : String(error));
  stdout.write = hold;
  stderr.write = hold;
  process.on('unhandledRejection', hear);
  process.on('uncaughtException', hear);
  return () => {
    stdout.write = before.stdout;
    stderr.write = before.stderr;
    process.off('unhandledRejection', hear);
    process.off('uncaughtException', hear);
    return { printed, strays };
  };
}
