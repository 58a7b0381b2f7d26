/** The commands of the package: each is a file of its own beside this one. */
const COMMANDS = {
  proxy: 'serves the paths of ZITADEL on this machine, for clients that cannot sign',
  doctor: 'checks a deployment: the profiles, AWS and ZITADEL',
  rotate: 'rotates the key in a secret, and shows how rotations stand',
  flush: 'voids the tokens of a profile, or all',
  block: 'blocks a caller or a profile',
  fingerprint: 'prints the fingerprint of a token, as the log has it',
  profiles: 'checks the profiles, and prints them',
} as const;

type Name = keyof typeof COMMANDS;

const list = Object.entries(COMMANDS).map(([name, does]) => `  ${name.padEnd(13)}${does}\n`);

const HELP = `The commands of the ZITADEL token broker.

  npx zitadel-token-broker COMMAND [options]

${list.join('')}
COMMAND --help prints the options of a command, --version the version of this package.
`;

declare const VERSION: string;

/** This file is CommonJS once it is built. */
declare const require: (file: string) => unknown;

/** The proxy must start fast: in ESM, importing node:http takes 45 ms more, and so does a first import. */
function load(name: Name): unknown {
  const file = `./${name}.${name === 'proxy' ? 'cjs' : 'mjs'}`;
  return name === 'proxy' ? require(file) : import(file);
}

const [, , name = '--help'] = process.argv;
if (name in COMMANDS) {
  // The command reads its own arguments.
  process.argv.splice(2, 1);
  void load(name as Name);
} else if (name === '--version') {
  process.stdout.write(`${VERSION}\n`);
} else if (name === '--help' || name === 'help') {
  process.stdout.write(HELP);
} else {
  process.stderr.write(`there is no command ${JSON.stringify(name)}\n\n${HELP}`);
  process.exitCode = 2;
}
