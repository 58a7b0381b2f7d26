/** How many signatures WebCrypto is working on: it works on threads, which turns of the event loop do not wait for. */
let underWay = 0;

const prototype: typeof crypto.subtle = Object.getPrototypeOf(globalThis.crypto.subtle);
const { sign } = prototype;
prototype.sign = async function (...args: Parameters<typeof sign>) {
  underWay += 1;
  try {
    return await sign.apply(this, args);
  } finally {
    underWay -= 1;
  }
};

export const isSigning = (): boolean => underWay > 0;
