import { type Mutant, mutant } from '../simulation/mutants.ts';
import { PROMISES } from './judge.ts';

/** One mutant at least for each promise of a rotation. */
export const ROTATION_MUTANTS: readonly Mutant[] = [
  mutant('believes that what it knows is current', PROMISES.callers, [
    'broker/credentials/attempt.ts',
    'const current = await credentials.reread(secret, held.id);',
    'const current = ok(held);',
  ]),
  mutant('removes keys that versions name', PROMISES.alive, [
    'broker/rotation/removable.ts',
    ' || named.has(keyId)',
    '',
  ]),
  mutant("removes the keys of another stage's rotation", PROMISES.alive, [
    'broker/rotation/removable.ts',
    'found?.secret !== mark.secret',
    'found === undefined',
  ]),
  mutant(
    'makes a key current without looking whether ZITADEL has it',
    PROMISES.alive,
    ['broker/rotation/finish.ts', 'if (!known.value) return', 'if (keyId === undefined) return'],
    ['broker/rotation/steps.ts', 'if (!known.value) return', 'if (keyId === undefined) return'],
    ['broker/rotation/trial.ts', 'if (passed.ok) break;', 'break;'],
  ),
  mutant('removes keys whoever made them', PROMISES.foreign, [
    'broker/rotation/removable.ts',
    'expiry === undefined ? undefined : readMark(expiry)',
    'mark',
  ]),
  mutant('takes a row of another credential for none', PROMISES.requests, [
    'broker/obtain/renewal.ts',
    "if (reading.kind === 'foreign' && !isReread) {",
    "if (reading.kind === 'none') {",
  ]),
  mutant('leaves the keys that it has replaced', PROMISES.tidy, [
    'broker/rotation/removable.ts',
    'keys.filter((key) => unneeded(key, removal) !== undefined)',
    'keys.filter((key) => unneeded(key, removal) === null)',
  ]),
  mutant('leaves AWSPENDING on a version whose key is gone', PROMISES.finishes, [
    'broker/rotation/create.ts',
    "const cleared = await versions.move(secret, 'AWSPENDING', { from: token });",
    'const cleared = ok(undefined);',
  ]),
  mutant('leaves AWSPENDING on the version that is current', PROMISES.back, [
    'broker/rotation/finish.ts',
    "if (holderOf(listed.value, 'AWSPENDING') === token) {",
    "if (holderOf(listed.value, 'AWSPENDING') === '') {",
  ]),
  mutant('believes a step that comes late', PROMISES.back, [
    'broker/rotation/finish.ts',
    "if (currentId !== token && holderOf(listed.value, 'AWSPENDING') !== token) {",
    "if (currentId === '' && holderOf(listed.value, 'AWSPENDING') !== token) {",
  ]),
  mutant('fails if another step has stored its key first', PROMISES.finishes, [
    'broker/rotation/create.ts',
    'if (stored.value !== undefined) return',
    'if (stored.value === null) return',
  ]),
  mutant('fails if nothing is pending', PROMISES.dry, [
    'broker/rotation/steps.ts',
    'const credential = pending ?? current;',
    "const credential = pending ?? current;\n    if (pending === undefined) return fail({ detail: 'nothing is pending' });",
  ]),
  mutant('logs the key that it has made', PROMISES.secrecy, [
    'broker/rotation/create.ts',
    'return ok({ keyId, isNew: true, removed });',
    'return ok({ keyId: text.reveal(), isNew: true, removed });',
  ]),
  mutant('throws what it should report', PROMISES.thrown, [
    'broker/rotation/create.ts',
    "if (holderOf(listed, 'AWSPENDING') !== token) {",
    "if (holderOf(listed, 'AWSPENDING') !== token) {\n      throw new Error('AWSPENDING');",
  ]),
];
