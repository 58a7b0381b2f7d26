import type { Clock } from '../../core/clock.ts';
import { loggable } from '../../core/redacted.ts';
import { type EpochMs, MINUTE_MS, plus, SECOND_MS } from '../../core/time.ts';
import type { Send } from '../../oauth/transport.ts';
import type { Credential } from '../../zitadel/credential.ts';
import { buildDiscoveryRequest, judgeDiscovery } from '../../zitadel/discovery.ts';
import type { AttemptFailure } from '../store/failure.ts';
import type { AttemptOptions } from './attempt.ts';

/** How long an answer counts, and how long no question follows one that had no answer. */
const KNOWN_MS = 5 * MINUTE_MS;
const UNKNOWN_MS = 30 * SECOND_MS;

/**
 * Adds to a refusal that the profile's issuer is not ZITADEL's, if that is the reason. ZITADEL accepts an assertion
 * only for the issuer that it calls itself; a proxy in front of it may have another name.
 */
export type ExplainRefusal = (
  failure: AttemptFailure,
  asked: { readonly issuer: string; readonly credential: Credential; readonly mayRepeat: AttemptOptions['mayRepeat'] },
) => Promise<AttemptFailure>;

interface Known {
  /** Absent while unknown. */
  readonly issuer: Promise<string | undefined>;
  until: EpochMs;
}

/** Creates the explanation of refusals. It asks each issuer once in 5 minutes, and only if there is time. */
export function createExplainRefusal({ clock, send }: { clock: Clock; send: Send }): ExplainRefusal {
  const known = new Map<string, Known>();

  function findIssuer(issuer: string): Promise<string | undefined> {
    const before = known.get(issuer);
    if (before !== undefined && clock.now() < before.until) return before.issuer;
    const asked: Known = { issuer: ask(), until: plus(clock.now(), UNKNOWN_MS) };
    async function ask() {
      const found = judgeDiscovery(await send(buildDiscoveryRequest(issuer)));
      if (found !== undefined) asked.until = plus(clock.now(), KNOWN_MS);
      return found;
    }
    known.set(issuer, asked);
    return asked.issuer;
  }

  return async (failure, { issuer, credential, mayRepeat }) => {
    const { error } = failure;
    // An assertion names the issuer; a client secret does not.
    const isOfKey = credential.kind !== 'client_secret' && failure.credential !== undefined && !failure.isAccount;
    if (error.kind !== 'credential_refused' || !isOfKey || !mayRepeat(0)) return failure;
    const found = await findIssuer(issuer);
    if (found === undefined || found === issuer) return failure;
    const detail = `${error.detail}; the profile's issuer is ${issuer}, ZITADEL's is ${loggable(found)}: name ZITADEL's in the profile`;
    return { ...failure, error: { ...error, detail } };
  };
}
