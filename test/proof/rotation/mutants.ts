import type { Mutants } from '../runner/mutants.ts';
import type { PROMISES } from './judge.ts';

export const ROTATION_MUTANTS: Mutants<keyof typeof PROMISES> = {
  'no caller fails': {
    'believes that what it knows is current':
      'broker/credentials/attempt.ts: const current = await credentials.reread(secret, held.id); → const current = ok(held);',
  },
  'the keys of AWSCURRENT and AWSPREVIOUS are at ZITADEL': {
    'removes keys that versions name': 'broker/rotation/removable.ts:  || named.has(keyId) → ',
    "removes the keys of another stage's rotation":
      'broker/rotation/removable.ts: found?.secret !== mark.secret → found === undefined',
    'makes a key current without looking whether ZITADEL has it': [
      'broker/rotation/finish.ts: if (!known.value) return → if (keyId === undefined) return',
      'broker/rotation/steps.ts: if (!known.value) return → if (keyId === undefined) return',
      'broker/rotation/trial.ts: if (passed.ok) break; → break;',
    ],
  },
  'only keys that rotation made for this secret are removed': {
    'removes keys whoever made them':
      'broker/rotation/removable.ts: expiry === undefined ? undefined : readMark(expiry) → mark',
  },
  'one token request for each key and refresh window, and one more for each changed credential': {
    'takes a row of another credential for none':
      "broker/obtain/renewal.ts: reading.kind === 'foreign' && !isReread) → reading.kind === 'none')",
  },
  'a rotation leaves no key but those of AWSCURRENT and AWSPREVIOUS and of the operator, and AWSPENDING nowhere else': {
    'leaves the keys that it has replaced':
      'broker/rotation/removable.ts: unneeded(key, removal) !== undefined) → unneeded(key, removal) === null)',
  },
  'a rotation makes no version current that was so before': {
    'leaves AWSPENDING on the version that is current':
      "broker/rotation/finish.ts: if (holderOf(listed.value, 'AWSPENDING') === token) → if (holderOf(listed.value, 'AWSPENDING') === '')",
    'believes a step that comes late':
      "broker/rotation/finish.ts: if (currentId !== token && holderOf(listed.value, 'AWSPENDING') !== token) → if (currentId === '' && holderOf(listed.value, 'AWSPENDING') !== token)",
  },
  'a rotation finishes, unless faults or an operator disturb it': {
    'leaves AWSPENDING on a version whose key is gone':
      "broker/rotation/create.ts: await versions.move(secret, 'AWSPENDING', { from: token }) → ok(undefined)",
    'fails if another step has stored its key first':
      'broker/rotation/create.ts: if (stored.value !== undefined) return → if (stored.value === null) return',
  },
  'a dry run passes, and changes nothing': {
    'fails if nothing is pending':
      "broker/rotation/steps.ts: const credential = pending ?? current; → const credential = pending ?? current;\n    if (pending === undefined) return fail({ detail: 'nothing is pending' });",
  },
  'no private key comes out': {
    'logs the key that it has made':
      'broker/rotation/create.ts: ok({ keyId, isNew: true, removed }) → ok({ keyId: text.reveal(), isNew: true, removed })',
  },
  'nothing is thrown that nobody expects': {
    'throws what it should report':
      "broker/rotation/create.ts: if (holderOf(listed, 'AWSPENDING') !== token) { → if (holderOf(listed, 'AWSPENDING') !== token) {\n      throw new Error('AWSPENDING');",
  },
};
