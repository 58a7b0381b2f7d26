const TEXT = 'x'.repeat(350);
let calls = 1e13;

/** Writes a line, as long as that of a warm hit: what no program that logs its calls can do without. */
export async function handler(): Promise<object> {
  calls += 1;
  process.stdout.write(`${TEXT}${calls}\n`);
  return { statusCode: 200, body: '' };
}
