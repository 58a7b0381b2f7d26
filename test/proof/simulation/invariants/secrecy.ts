import { createCanaries } from '../../../support/canaries.ts';
import type { CreateInvariant } from '../happening.ts';
import { MARK, PRIVATE_KEY } from '../setting.ts';

const keyBody = PRIVATE_KEY.split('\n').slice(1, -2).join('');
const canaries = createCanaries();
// All other secrets, and every token, are made of repetitions of one mark.
canaries.plant('a client secret or a token', MARK.repeat(8));
canaries.plant('the private key', keyBody);

/** No secret and no token is in a line of log, in an answer beside its token, or in a row. */
export const createSecrecy: CreateInvariant = () => ({
  name: 'no secret comes out',
  see(happening) {
    if (happening.kind !== 'text') return undefined;
    const [found] = canaries.search(happening.text);
    return found === undefined ? undefined : `${found} in ${happening.text.length} characters that came out`;
  },
});
