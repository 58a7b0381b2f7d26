import type { Given, Step } from '../play.ts';
import type { Security } from '../secure.ts';

/** What the broker asks for where it meets an answer. */
export type Scope = 'token' | 'introspection' | 'revocation' | 'secret' | 'item' | 'update';

/** What an answer is to the broker: together with the place, it names a cell of the table of errors. */
export type Meaning =
  /** What was asked for, however odd its form. */
  | 'answer'
  /** The service is unavailable. */
  | 'down'
  /** No service of this sort answers so. */
  | 'nonsense'
  /** ZITADEL refuses the broker's credential, or what the profile asks for. */
  | 'refused'
  /** It refuses the same by an error that also says that the subject of an exchange is bad. */
  | 'grant_refused'
  /** It refuses the request as such. */
  | 'request_refused'
  | 'subject_refused'
  | 'scope_refused'
  | 'target_refused'
  | 'type_refused'
  | 'impersonation_refused'
  /** The token is another application's. */
  | 'foreign_token'
  /** What Secrets Manager returned is not a credential, until an operator changes it. */
  | 'unusable';

/** What an answer means at each scope where it is given. */
export type Means = Readonly<Partial<Record<Scope, Meaning>>>;

/** On which connections an answer is given. */
interface Setting {
  /** Played as soon as a connection is open, before anything is asked. */
  readonly greets?: true;
  /** How the server does TLS, in place of an issuer that uses HTTPS; absent: nobody does. */
  readonly security?: Security;
}

/** One kind of hostile answer. */
export interface Kind extends Setting {
  /** `{family}: {what comes}`. */
  readonly name: string;
  readonly means: Means;
  readonly play: (given: Given) => readonly Step[];
}

/** The same meaning at each endpoint of ZITADEL. */
export const atZitadel = (meaning: Meaning): Means => ({
  token: meaning,
  introspection: meaning,
  revocation: meaning,
});

/** The same meaning for each operation of AWS. */
export const atAws = (meaning: Meaning): Means => ({ secret: meaning, item: meaning, update: meaning });

/** A meaning at one scope only. */
export const only = (scope: Scope, meaning: Meaning): Means => ({ [scope]: meaning });

/** One meaning at ZITADEL, one at AWS. */
export const atBoth = (zitadel: Meaning, aws = zitadel): Means => ({ ...atZitadel(zitadel), ...atAws(aws) });

/** What breaks or stalls: the service is down. */
export const DOWN = atBoth('down');

/** What is not HTTP, or not the HTTP of such a service. To AWS's SDK everything that is not an answer is a fault. */
export const NONSENSE = atBoth('nonsense', 'down');

/** What spoils a body only: the body of a revocation's answer does not count (RFC 7009 §2.2). */
export const NO_BODY: Means = { ...NONSENSE, revocation: 'answer' };

/** What is an answer all the same. */
export const ANSWER = atBoth('answer');

/** What a server sends: bytes, or steps. */
export type Content = string | Buffer | readonly Step[];

/** What a server sends, always the same or made of what is given. */
export type Play = Content | ((given: Given) => Content);

/** Rows of a table, by the name of each. */
export type Table<T> = Readonly<Record<string, T>>;

/**
 * Kinds that mean the same, one for each row of a table.
 * @param pattern of their names: the name of the row takes the place of `*`
 * @param make makes what is sent of a row
 * @param more what else they have in common
 */
export const kinds = <T>(
  pattern: string,
  means: Means,
  make: (row: T, given: Given) => Content,
  table: Table<T>,
  more: Setting = {},
): readonly Kind[] =>
  Object.entries(table).map(([name, row]) => ({
    name: pattern.replace('*', () => name),
    means,
    play: (given) => [make(row, given)].flat(),
    ...more,
  }));

/** The same of a table of plays. */
export const plays = (pattern: string, means: Means, table: Table<Play>, more: Setting = {}): readonly Kind[] =>
  kinds(pattern, means, (play, given) => (typeof play === 'function' ? play(given) : play), table, more);

/** A table of texts in which each is its own name. */
export const named = <T extends string | number>(texts: readonly T[]): Table<T> =>
  Object.fromEntries(texts.map((text) => [text, text]));

/** The same of words that are separated by white space. */
export const words = (text: string): Table<string> => named(text.trim().split(/\s+/));
