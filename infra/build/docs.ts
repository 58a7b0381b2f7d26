import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { parse } from 'yaml';

const HELP = `Renders openapi.yaml as one self-contained HTML page, which works offline.

  npm run docs -- [--out FILE]

  --out FILE   the output file (default .build/docs.html)
  --help       prints this text
`;

const root = join(import.meta.dirname, '../..');

/** Escapes text so that it cannot end the script element that contains it. */
const inScript = (text: string): string => text.replaceAll('</script', '<\\/script').replaceAll('<!--', '<\\!--');

/** Renders the page, with Redoc's bundle and the description inlined. */
export function renderDocs(): string {
  const description: unknown = parse(readFileSync(join(root, 'openapi.yaml'), 'utf8'));
  const redoc = createRequire(import.meta.url).resolve('redoc/bundles/redoc.standalone.js');
  const options = {
    disableSearch: true,
    hideDownloadButton: true,
    theme: { typography: { fontFamily: 'sans-serif' } },
  };
  const start = `Redoc.init(${JSON.stringify(description)}, ${JSON.stringify(options)}, document.getElementById('docs'));`;
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>ZITADEL token broker</title><meta name="viewport" content="width=device-width, initial-scale=1"></head>
<body style="margin:0"><div id="docs"></div>
<script>${inScript(readFileSync(redoc, 'utf8'))}</script>
<script>${inScript(start)}</script>
</body>
</html>
`;
}

function main(): void {
  const { values } = parseArgs({ options: { out: { type: 'string' }, help: { type: 'boolean' } } });
  if (values.help) return void process.stdout.write(HELP);
  const out = values.out ?? join(root, '.build/docs.html');
  mkdirSync(dirname(out), { recursive: true });
  writeFileSync(out, renderDocs());
  process.stdout.write(`${out}\n`);
}

if (import.meta.main) {
  try {
    main();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : 'the page could not be made'}\nTry --help.\n`);
    process.exitCode = 1;
  }
}
