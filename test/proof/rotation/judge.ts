import { AHEAD_MS } from '../../../lib/broker/obtain/prewarm.ts';
import type { Check, Stage } from '../runner/stage.ts';
import { EARLIEST_RENEWAL_SHARE } from '../simulation/invariants/token-requests.ts';
import { RECOVERY_MS } from '../simulation/plan.ts';
import type { RotationFaultKind } from './plan.ts';
import type { Move } from './secrets.ts';
import type { SecretName } from './setting.ts';

/** What the promises look at, by kind. */
export interface Happenings {
  answered: { what: string; askedAt: number; status: number };
  /** The fleet has got a token with a key of the account or application. */
  issued: { label: string };
  /** A credential has changed: whoever reads it obtains one token anew. */
  changed: { label: string };
  /** ZITADEL or Secrets Manager is away, or both are back. */
  away: { isOn: boolean };
  added: { keyId: string };
  /** `isMarked`: a rotation made it. */
  removed: { keyId: string; isMarked: boolean };
  /** A label. `isBack`: a rotation makes a version current that was so before. */
  moved: Move & { secret: SecretName; stage: string; isMoved: boolean; isBack: boolean };
  /** A labelled key is not at ZITADEL. `isByHand`: an operator removed it. */
  missing: { secret: SecretName; stage: string; keyId: string; isByHand: boolean };
  /** What a step logs. */
  log: { line: string };
  /** A step has ended. */
  step: { name: string; secret: SecretName; event: object; isDone: boolean };
  /** `isExcused`: something went wrong that may keep a rotation from finishing. */
  rotated: { secret: string; isDone: boolean; isExcused: boolean };
  dry_run: { secret: SecretName; isPassed: boolean; isExcused: boolean };
  /** Everything is over, and this should not be there any more. */
  left: { what: string };
  /** A key pair was made: its private half must not come out. */
  made: { pem: string };
  /** A text that left the broker. */
  text: { text: string };
  thrown: { what: string };
}

/** What the parts of one run share. */
export type RotationStage = Stage<Happenings, RotationFaultKind>;

/** The promises of a rotation, each fresh for one run with tokens that live for `lifeMs`. */
export const PROMISES = {
  'no caller fails': () => {
    let isAway = false;
    let awayUntil = Number.NEGATIVE_INFINITY;
    return (happening) => {
      if (happening.kind === 'away') {
        isAway = happening.isOn;
        awayUntil = happening.at;
      }
      if (happening.kind !== 'answered' || happening.status === 200) return undefined;
      const isExcused = isAway || awayUntil + RECOVERY_MS > happening.askedAt;
      return isExcused ? undefined : `${happening.what}: ${happening.status}`;
    };
  },

  'the keys of AWSCURRENT and AWSPREVIOUS are at ZITADEL': () => (happening) => {
    if (happening.kind !== 'missing') return undefined;
    const { secret, stage, keyId, isByHand } = happening;
    return isByHand && stage === 'AWSPREVIOUS' ? undefined : `${secret}: key ${keyId} of ${stage} is gone`;
  },

  'only keys that rotation made for this secret are removed': () => (happening) =>
    happening.kind === 'removed' && !happening.isMarked
      ? `key ${happening.keyId} was not made by a rotation`
      : undefined,

  'one token request for each key and refresh window, and one more for each changed credential': (lifeMs) => {
    const windows = new Map<string, { until: number; causes: number; causesBefore: number; extra: number }>();
    const causes = new Map<string, number>();
    const addCause = (label: string) => causes.set(label, (causes.get(label) ?? 0) + 1);
    return (happening) => {
      if (happening.kind === 'away') for (const label of causes.keys()) addCause(label);
      if (happening.kind === 'changed') addCause(happening.label);
      if (happening.kind !== 'issued') return undefined;
      const { label, at } = happening;
      const until = at + lifeMs * EARLIEST_RENEWAL_SHARE - AHEAD_MS;
      const seen = causes.get(label) ?? 0;
      causes.set(label, seen);
      const window = windows.get(label);
      if (window === undefined || at >= window.until) {
        windows.set(label, { until, causes: seen, causesBefore: window?.causes ?? 0, extra: 0 });
        return undefined;
      }
      window.extra += 1;
      window.until = Math.min(until, window.until);
      const allowed = seen - window.causesBefore;
      return window.extra > allowed ? `${label}: ${window.extra} requests more, with ${allowed} causes` : undefined;
    };
  },

  'a rotation leaves no key but those of AWSCURRENT and AWSPREVIOUS and of the operator, and AWSPENDING nowhere else':
    () => (happening) =>
      happening.kind === 'left' ? `${happening.what} is left` : undefined,

  'a rotation makes no version current that was so before': () => (happening) =>
    happening.kind === 'moved' && happening.isBack ? `${happening.to} is current again` : undefined,

  'a rotation finishes, unless faults or an operator disturb it': () => (happening) =>
    happening.kind === 'rotated' && !happening.isDone && !happening.isExcused
      ? `${happening.secret} was not rotated`
      : undefined,

  'a dry run passes, and changes nothing': () => (happening) =>
    happening.kind === 'dry_run' && !happening.isPassed && !happening.isExcused
      ? `${happening.secret}: the dry run failed`
      : undefined,

  'no private key comes out': () => {
    const privateKeys: string[] = [];
    return (happening) => {
      // The start of PEM is the same for every key.
      if (happening.kind === 'made') privateKeys.push(happening.pem.split('\n')[2] ?? happening.pem);
      if (happening.kind !== 'text' || !privateKeys.some((key) => happening.text.includes(key))) return undefined;
      return `a private key in ${happening.text.length} characters`;
    };
  },

  'nothing is thrown that nobody expects': () => (happening) =>
    happening.kind === 'thrown' ? happening.what : undefined,
} satisfies Readonly<Record<string, (lifeMs: number) => Check<Happenings>>>;
