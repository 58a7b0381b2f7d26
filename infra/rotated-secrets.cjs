// The secrets whose keys rotate, for the parts of the template that depend on them.
const { createHash } = require('node:crypto');

/** The secrets that rotate, each once, as the profiles name them: every how many days, and who manages the key. */
module.exports = (profiles) => {
  const rotations = Object.values(profiles).flatMap((profile) =>
    [profile, profile.introspection, profile.revocation]
      .filter((field) => field?.rotation !== undefined)
      .map(({ secret, rotation: { every, by } }) => [secret, { secret, days: Number.parseInt(every, 10), by }]),
  );
  return [...new Map(rotations).values()];
};

/** The name of a secret, without the six characters at the end of its ARN. */
const nameOf = (secret) => secret.replace(/^arn:(?:[^:]*:){5}(.+)-[A-Za-z0-9]{6}$/, '$1');

/** Part of a logical name. It stays the same when the profiles change their order, or name the secret by its ARN. */
module.exports.idOf = (secret) => createHash('sha256').update(nameOf(secret)).digest('hex').slice(0, 16);
