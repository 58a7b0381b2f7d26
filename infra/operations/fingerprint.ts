import { text } from 'node:stream/consumers';
import { fingerprint } from '../../lib/core/digest.ts';
import { canonicalToken } from '../../lib/zitadel/token-identity.ts';
import { UsageError } from '../local/settings.ts';
import { run } from './deployment.ts';

const HELP = `Prints the fingerprint of a token, as the log has it in the field token. It reads the token from its input, so that
the token is in no history of a shell.

  npm run --silent fingerprint < FILE
`;

/**
 * The command `fingerprint`.
 * @param input the token, in any spelling
 * @returns what to print
 * @throws {UsageError} if there is no token, or it is an argument
 */
export async function fingerprintCommand(
  args: readonly string[],
  input: AsyncIterable<Buffer | string>,
): Promise<string> {
  if (args[0] === '--help') return HELP;
  if (args.length > 0) {
    throw new UsageError('write the token to the input of this command: arguments are in the history of the shell');
  }
  const token = canonicalToken(await text(input));
  if (token === '') throw new UsageError('the input is empty; it must be a token');
  return `${fingerprint(token)}\n`;
}

if (import.meta.main) await run((args) => fingerprintCommand(args, process.stdin));
