/** A source of `tokens`: the next one once one is rejected. */
export function createSource() {
  const rejected: string[] = [];
  return {
    tokens: [] as string[],
    rejected,
    async token() {
      const [token] = this.tokens;
      if (token === undefined) throw new Error('none');
      return { token };
    },
    reject(token: string) {
      rejected.push(token);
      if (this.tokens[0] === token) this.tokens.shift();
    },
  };
}
