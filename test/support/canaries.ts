/** The length of a piece of a secret that is a leak: nobody writes so many characters of one by chance. */
const FRAGMENT = 8;

/** What is planted: secrets by name. */
export interface Canaries {
  /** Plants a secret, in plain and in each spelling in which it may travel. One too short to be told apart throws. */
  readonly plant: (name: string, secret: string) => void;
  /** The names of the secrets of which `text` holds a piece: of bytes, give them as latin1. */
  readonly search: (text: string) => readonly string[];
  /** How many secrets are planted. */
  readonly count: () => number;
}

/** Bits of the hash that tells at once that a piece is of no secret: nearly all are not. */
const FILTER_BITS = 18;
const FACTOR = 0x01000193;

/** What a text is searched for: pieces of one length. */
interface Net {
  readonly width: number;
  /** What a character weighs that leaves a window of this width. */
  readonly leaving: number;
  readonly filter: Uint8Array;
  readonly owners: Map<string, string>;
}

const createNet = (width: number): Net => ({
  width,
  leaving: Array.from({ length: width }).reduce<number>((power) => Math.imul(power, FACTOR), 1),
  filter: new Uint8Array(1 << FILTER_BITS),
  owners: new Map(),
});

/** Visits all pieces of a text, each with a hash that is made from the one before it. */
function visit({ width, leaving }: Net, text: string, onPiece: (at: number, hash: number) => void): void {
  let hash = 0;
  for (let end = 0; end < text.length; end += 1) {
    hash = (Math.imul(hash, FACTOR) + text.charCodeAt(end)) | 0;
    if (end >= width) hash = (hash - Math.imul(text.charCodeAt(end - width), leaving)) | 0;
    if (end >= width - 1) onPiece(end - width + 1, (hash ^ (hash >>> FILTER_BITS)) & ((1 << FILTER_BITS) - 1));
  }
}

/** The headers of what is sealed for the table: `{"alg":"dir"…`; no encrypted key follows them. */
const SEAL_HEADERS = /eyJhbGciOiJkaXIi[\w-]+(?=\.\.)/g;

/** Seals with their headers as the JSON that they are: in base64 they share pieces with the headers of tokens by chance. */
const withReadHeaders = (text: string): string =>
  text.replace(SEAL_HEADERS, (header) => Buffer.from(header, 'base64url').toString('latin1'));

/** Eight hexadecimal digits may as well be a time, or the beginning of an id. */
const isHex = (secret: string): boolean => /^[\da-f]+$/i.test(secret);

/** The spellings of a secret; of base64, at each of the three places where it may begin in a longer text. */
function spellings(secret: string): readonly string[] {
  const bytes = Buffer.from(secret);
  const shifted = [0, 1, 2].map((shift) => {
    const whole = Buffer.concat([Buffer.alloc(shift), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    // The first and the last characters depend on what stands around the secret.
    return whole.slice(shift === 0 ? 0 : shift + 1, -1);
  });
  const plain = [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)];
  return [
    ...(isHex(secret) ? [] : plain),
    ...shifted,
    ...shifted.map((text) => text.replaceAll('+', '-').replaceAll('/', '_')),
  ];
}

/** Of twice the length: two digits tell as much as one character. */
function hexSpellings(secret: string): readonly string[] {
  const hex = Buffer.from(secret).toString('hex');
  return [hex, hex.toUpperCase(), ...(isHex(secret) ? [secret] : [])];
}

/** Creates a search for planted secrets. */
export function createCanaries(): Canaries {
  const nets = [
    { net: createNet(FRAGMENT), spell: spellings },
    { net: createNet(2 * FRAGMENT), spell: hexSpellings },
  ];
  const names = new Set<string>();
  return {
    plant(name, secret) {
      if (secret.length < FRAGMENT) throw new Error(`${name} is too short to be looked for`);
      names.add(name);
      for (const { net, spell } of nets) {
        for (const spelling of new Set(spell(secret))) {
          visit(net, spelling, (at, hash) => {
            net.filter[hash] = 1;
            const piece = spelling.slice(at, at + net.width);
            if (!net.owners.has(piece)) net.owners.set(piece, name);
          });
        }
      }
    },
    search(raw) {
      const text = withReadHeaders(raw);
      const found = new Set<string>();
      for (const { net } of nets) {
        visit(net, text, (at, hash) => {
          if (net.filter[hash] === 0) return;
          const piece = text.slice(at, at + net.width);
          const owner = net.owners.get(piece);
          if (owner !== undefined) found.add(owner);
        });
      }
      return [...found];
    },
    count: () => names.size,
  };
}
