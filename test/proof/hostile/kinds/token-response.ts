import { answer, say } from '../play.ts';
import { type Given, type Kind, kind, type Meaning } from './kind.ts';

/** JSON texts in place of a member's proper one; `undefined` leaves the member out. */
type Texts = Readonly<
  Partial<Record<'access_token' | 'token_type' | 'expires_in' | 'scope' | 'issued_token_type', string | undefined>>
>;

const ISSUED = '"urn:ietf:params:oauth:token-type:access_token"';

/** A token response of JSON texts, so that what JSON.stringify would not write can stand in it too. */
function tokenResponse({ sent, token }: Given, texts: Texts, more = ''): string {
  const members = {
    access_token: JSON.stringify(token),
    token_type: '"Bearer"',
    expires_in: '43199',
    ...(sent.body.includes('subject_token=') ? { issued_token_type: ISSUED } : {}),
    ...texts,
  };
  const written = Object.entries(members).flatMap(([name, text]) => (text === undefined ? [] : [`"${name}":${text}`]));
  return `{${written.join()}${more}}`;
}

/** A kind of token response that differs in these members, with more of them at its end. */
export const responds = (name: string, meaning: Meaning, textsOf: (given: Given) => Texts, more = ''): Kind =>
  kind(name, { token: meaning }, (given) => [
    say(answer(200, { type: 'application/json', body: tokenResponse(given, textsOf(given), more) })),
  ]);
