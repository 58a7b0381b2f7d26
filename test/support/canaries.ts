/** The length of a piece of a secret that is a leak: nobody writes so many characters of one by chance. */
const FRAGMENT = 8;

/** What is planted: secrets by name, and texts that are no secret though they may share a piece with one. */
export interface Canaries {
  /** Plants a secret, in plain and in each spelling in which it may travel. One too short to be told apart throws. */
  readonly plant: (name: string, secret: string) => void;
  /** Pieces of this text are no leak: a key id, a header that every assertion has. */
  readonly allow: (text: string) => void;
  /** The names of the secrets of which `text` holds a piece: of bytes, give them as latin1. */
  readonly search: (text: string) => readonly string[];
  /** How many secrets are planted. */
  readonly count: () => number;
}

/** Bits of the hash that tells at once that a piece is of no secret: nearly all are not. */
const FILTER_BITS = 22;
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
  return [
    secret,
    encodeURIComponent(secret),
    JSON.stringify(secret).slice(1, -1),
    ...shifted,
    ...shifted.map((text) => text.replaceAll('+', '-').replaceAll('/', '_')),
  ];
}

/** Two hexadecimal digits a character: eight digits alone may as well be a time. */
const hexSpellings = (secret: string): readonly string[] => {
  const hex = Buffer.from(secret).toString('hex');
  return [hex, hex.toUpperCase()];
};

/** Creates a search for planted secrets. */
export function createCanaries(): Canaries {
  const nets = [
    { net: createNet(FRAGMENT), spell: spellings },
    { net: createNet(2 * FRAGMENT), spell: hexSpellings },
  ];
  const names = new Set<string>();
  const allowed = new Set<string>();
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
    allow(text) {
      for (const { net, spell } of nets)
        for (const spelling of spell(text))
          visit(net, spelling, (at) => allowed.add(spelling.slice(at, at + net.width)));
    },
    search(text) {
      const found = new Set<string>();
      for (const { net } of nets) {
        visit(net, text, (at, hash) => {
          if (net.filter[hash] === 0) return;
          const piece = text.slice(at, at + net.width);
          const owner = net.owners.get(piece);
          if (owner !== undefined && !allowed.has(piece)) found.add(owner);
        });
      }
      return [...found];
    },
    count: () => names.size,
  };
}
