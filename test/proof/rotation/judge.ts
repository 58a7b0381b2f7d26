import { AHEAD_MS } from '../../../lib/broker/obtain/prewarm.ts';
import { parseExpiry, readMark } from '../../../lib/broker/rotation/mark.ts';
import { SECOND_MS } from '../../../lib/core/time.ts';
import type { Registry, RegistryKey } from './registry.ts';
import { ARNS, keyIdIn, SECRETS, type SecretName } from './setting.ts';
import type { Vault } from './vault.ts';

/** The promises of a rotation. */
export const PROMISES = {
  callers: 'no caller fails',
  alive: 'the keys of AWSCURRENT and AWSPREVIOUS are at ZITADEL',
  foreign: 'only keys that rotation made for this secret are removed',
  requests: 'one token request for each key and refresh window, and one more for each changed credential',
  tidy: 'a rotation leaves no key but those of AWSCURRENT and AWSPREVIOUS and of the operator, and AWSPENDING nowhere else',
  back: 'a rotation makes no version current that was so before',
  finishes: 'a rotation finishes, unless faults or an operator disturb it',
  dry: 'a dry run passes, and changes nothing',
  secrecy: 'no private key comes out',
  thrown: 'nothing is thrown that nobody expects',
} as const;
export type PromiseName = keyof typeof PROMISES;

/** The earliest that a token is renewed: 75 % of its life, less 5 %. */
const EARLIEST_RENEWAL_SHARE = 0.7;

/** How long the broker may need to be well again after an outage. */
const RECOVERY_MS = 45 * SECOND_MS;

/** A key's removal and the step that looks for it may cross. */
const UNSEEN_MS = SECOND_MS;

export interface JudgeDeps {
  readonly now: () => number;
  readonly vault: Vault;
  readonly registry: Registry;
  readonly lifeMs: number;
  readonly lagMs: number;
  readonly blame: (promise: PromiseName, what: string) => void;
}

/** The secret that a key was made for by a rotation, by its mark. */
export const isMarked = ({ expirationDate }: Pick<RegistryKey, 'expirationDate'>): boolean => {
  const expiry = parseExpiry(expirationDate);
  return expiry !== undefined && readMark(expiry) !== undefined;
};

/** Creates what looks at a run. */
export function createJudge({ now, vault, registry, lifeMs, lagMs, blame }: JudgeDeps) {
  let awayUntil = Number.NEGATIVE_INFINITY;
  let isAway = false;
  const windows = new Map<string, { until: number; causes: number; causesBefore: number; extra: number }>();
  const causes = new Map<string, number>();
  const privateKeys: string[] = [];
  let isSpoilt = false;

  const labelled = (stages: readonly string[]): readonly (readonly [SecretName, string, string])[] =>
    SECRETS.flatMap((secret) => {
      const labels = vault.labels(ARNS[secret]);
      return stages.flatMap((stage) => {
        const text = vault.text(ARNS[secret], labels.get(stage));
        return text === undefined ? [] : [[secret, stage, keyIdIn(text)] as const];
      });
    });

  return {
    /** Whether an operator has made the current key useless: nothing that follows tells anything. */
    isSpoilt: () => isSpoilt,
    /** A key pair was made: its private half must not come out. The start of PEM is the same for every key. */
    plant: (pem: string) => void privateKeys.push(pem.split('\n')[2] ?? pem),
    text(text: string) {
      if (privateKeys.some((key) => text.includes(key))) blame('secrecy', `a private key in ${text.length} characters`);
    },
    away(isOn: boolean) {
      isAway = isOn;
      awayUntil = now();
      for (const [label, count] of causes) causes.set(label, count + 1);
    },
    answered(what: string, askedAt: number, status: number) {
      const isExcused = isAway || awayUntil + RECOVERY_MS > askedAt;
      if (status !== 200 && !isExcused) blame('callers', `${what}: ${status}`);
    },
    /** The keys or labels have changed. */
    changed() {
      for (const [secret, stage, keyId] of labelled(['AWSCURRENT', 'AWSPREVIOUS'])) {
        if (registry.isThere(keyId)) continue;
        // Nobody can see that a key is removed by hand in the moment in which it becomes the current one.
        const { removedAt = 0, isByHand } = registry.find(keyId) ?? {};
        if (isByHand && stage === 'AWSPREVIOUS') continue;
        if (isByHand && now() - removedAt < lagMs + UNSEEN_MS) isSpoilt = true;
        blame('alive', `${secret}: key ${keyId} of ${stage} is gone`);
      }
    },
    removed(key: RegistryKey) {
      if (!isMarked(key)) blame('foreign', `key ${key.keyId} was not made by a rotation`);
    },
    /** A credential has changed: whoever reads it obtains one token anew. */
    changes: (label: string) => void causes.set(label, (causes.get(label) ?? 0) + 1),
    issued(label: string) {
      const until = now() + lifeMs * EARLIEST_RENEWAL_SHARE - AHEAD_MS;
      const seen = causes.get(label) ?? 0;
      if (!causes.has(label)) causes.set(label, 0);
      const window = windows.get(label);
      if (window === undefined || now() >= window.until) {
        windows.set(label, { until, causes: seen, causesBefore: window?.causes ?? 0, extra: 0 });
        return;
      }
      window.extra += 1;
      window.until = Math.min(until, window.until);
      const allowed = seen - window.causesBefore;
      if (window.extra > allowed) blame('requests', `${label}: ${window.extra} requests more, with ${allowed} causes`);
    },
    /** Everything is over, and each secret has been rotated once more. */
    end() {
      for (const secret of SECRETS) {
        const labels = vault.labels(ARNS[secret]);
        const pending = labels.get('AWSPENDING');
        if (pending !== undefined && pending !== labels.get('AWSCURRENT'))
          blame('tidy', `${secret}: AWSPENDING is left`);
      }
      const needed = new Set(labelled(['AWSCURRENT', 'AWSPREVIOUS']).map(([, , keyId]) => keyId));
      for (const key of registry.all()) {
        if (isMarked(key) && !needed.has(key.keyId)) blame('tidy', `key ${key.keyId} of ${key.holder} is left`);
      }
    },
  };
}
