// Prints API.md, from the types in dist: each export of each subpath, with its documentation.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = import.meta.dirname;
const dist = join(root, 'dist');
const { name, exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/** A declaration with the comment before it; it takes one line, or ends with the first brace that begins one. */
const DECLARATION =
  /(?:^\/\*\*\n?((?:(?!\*\/)[\s\S])*)\*\/\n)?^export (?:declare )?(?:interface|type|class|function|const) (\w+)(?:[^\n]*;|[^\n]*\{\n[\s\S]*?^\})$/gm;

const declared = new Map();
for (const file of readdirSync(dist).filter((one) => one.endsWith('.d.ts'))) {
  for (const [text, comment = '', title] of readFileSync(join(dist, file), 'utf8').matchAll(DECLARATION)) {
    const code = text.slice(text.indexOf('export ')).replace(/^export (declare )?/, '');
    declared.set(`${file} ${title}`, { comment: comment.replace(/^ ?\* ?/gm, '').trim(), code });
  }
}

/** The names that a file exports, with the files that declare them. */
function exportsOf(file) {
  const text = readFileSync(join(dist, file), 'utf8');
  const again = [...text.matchAll(/^export (?:type )?\{ ([^}]+) \} from '\.\/([\w-]+)\.js'/gm)].flatMap(
    ([, names, from]) => names.split(', ').map((one) => [one.replace('type ', ''), `${from}.d.ts`]),
  );
  const own = [...declared.keys()].filter((key) => key.startsWith(`${file} `)).map((key) => [key.split(' ')[1], file]);
  return [...own, ...again].sort(([one], [other]) => (one < other ? -1 : 1));
}

const pages = Object.entries(exports).flatMap(([path, { types }]) => {
  if (types === undefined) return [];
  const entries = exportsOf(types.replace('./dist/', '')).map(([title, file]) => {
    const { comment, code } = declared.get(`${file} ${title}`);
    return `### ${title}\n\n${comment}\n\n\`\`\`ts\n${code}\n\`\`\`\n`;
  });
  return [`## ${path.replace('.', name)}\n\n${entries.join('\n')}`];
});
process.stdout.write(`# API\n\n${pages.join('\n')}`);
