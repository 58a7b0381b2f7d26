import { answer, type Proper, type Sent, type Step, say } from '../play.ts';
import type { Security } from '../secure.ts';

/** Where a kind of answer can be given: what is asked for there. */
const SCOPES = ['token', 'introspection', 'revocation', 'secret', 'item', 'update'] as const;
export type Scope = (typeof SCOPES)[number];

/** What an answer is to the broker: with the place, it names a cell of the table of errors. */
export type Meaning =
  /** However odd its form: what was asked for. */
  | 'answer'
  /** The service is not to be had at the moment. */
  | 'down'
  /** No service of this sort answers so. */
  | 'nonsense'
  /** ZITADEL refuses the broker's credential, or what the profile asks for. */
  | 'refused'
  | 'subject_refused'
  | 'scope_refused'
  | 'target_refused'
  | 'type_refused'
  | 'impersonation_refused'
  /** The token is another application's. */
  | 'foreign_token'
  /** What came from Secrets Manager is no credential, and stays none until an operator does something. */
  | 'unusable'
  /** The row keeps everybody from obtaining a token: its lease, or its failure. */
  | 'leased'
  | 'failed';

/** What a play can be made of. */
export interface Given {
  readonly proper: Proper;
  readonly sent: Sent;
  /** A token that was never handed out before. */
  readonly token: string;
}

/** One kind of hostile answer. */
export interface Kind {
  /** `{family}: {what comes}`. */
  readonly name: string;
  /** Played as soon as a connection stands, before anything was asked. */
  readonly greets?: true;
  /** Played where the issuer is one of HTTPS. */
  readonly isTls?: true;
  /** How the server does TLS; absent where it does none. */
  readonly security?: Security;
  readonly play: (given: Given) => readonly Step[];
  /** What it means at each place where it is played. */
  readonly means: Readonly<Partial<Record<Scope, Meaning>>>;
}

/** The same at each endpoint of ZITADEL. */
export const atZitadel = (meaning: Meaning): Kind['means'] => ({
  token: meaning,
  introspection: meaning,
  revocation: meaning,
});

/** The same for each operation of AWS. */
export const atAws = (meaning: Meaning): Kind['means'] => ({ secret: meaning, item: meaning, update: meaning });

/** What breaks or stalls: everybody is down then. */
export const DOWN: Kind['means'] = { ...atZitadel('down'), ...atAws('down') };

/** What is no HTTP, or not the HTTP of such a service: to the SDK of AWS everything that is no answer is a fault. */
export const NONSENSE: Kind['means'] = { ...atZitadel('nonsense'), ...atAws('down') };

/** What is an answer all the same. */
export const ANSWER: Kind['means'] = { ...atZitadel('answer'), ...atAws('answer') };

/** A kind of which only the bytes matter. */
export const kind = (name: string, means: Kind['means'], play: Kind['play']): Kind => ({ name, means, play });

/** The proper answer with other header lines, and perhaps another status. */
export const withHeaders =
  (lines: readonly string[], status?: number | string): Kind['play'] =>
  ({ proper }) => [say(answer(status ?? proper.status, proper, lines))];

/** JSON, of any status. */
export const json =
  (body: string | Buffer, status: number | string = 200, lines: readonly string[] = []): Kind['play'] =>
  () => [say(answer(status, { type: 'application/json', body }, lines))];
