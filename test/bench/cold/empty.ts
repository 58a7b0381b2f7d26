/** Does nothing: what a call costs before anything is done. */
export async function handler(): Promise<object> {
  return { statusCode: 200, body: '' };
}
