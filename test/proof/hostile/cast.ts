import { createHash } from 'node:crypto';
import type { Case } from './case.ts';
import type { Dependency } from './place.ts';
import { answer, type Proper, RESET, type Sent, type Step, say } from './play.ts';
import { secretAnswer, zitadelAnswer } from './services.ts';
import { createTheatre, type Scene, type Secured, type Theatre } from './theatre.ts';
import type { StageClock, Watch } from './time.ts';

/** All that the broker depends on: well at first, then hostile in the way of a case. */
export interface Cast {
  readonly theatres: Readonly<Record<Dependency, Theatre>>;
  /** Every token that was issued. */
  readonly tokens: readonly string[];
  readonly turnHostile: () => void;
  readonly close: () => Promise<void>;
}

export interface CastDeps {
  readonly clock: StageClock;
  readonly watch: Watch;
  readonly askTable: (sent: Sent) => Promise<Proper>;
}

type Service = (sent: Sent, token: string) => Proper | Promise<Proper>;

const NO_REQUEST: Sent = { head: '', body: '' };
/** What a write that is not made answers. */
const NOTHING: Proper = { status: 200, type: 'application/x-amz-json-1.0', body: '{}' };

/** Tokens look like nothing else, and no two of them alike. */
const makeToken = (at: number, count: number): string =>
  `tok_${createHash('sha256').update(`${at} ${count}`).digest('base64url')}`;

/** Opens the three services of a case. */
export async function openCast({ kind, place }: Case, { clock, watch, askTable }: CastDeps): Promise<Cast> {
  const tokens: string[] = [];
  let isHostile = false;
  const isStruck = (dependency: Dependency) => isHostile && place.dependency === dependency;
  const scene = (steps: readonly Step[], hostile = false): Scene => ({ steps, isHostile: hostile });

  const direct = (dependency: Dependency, service: Service) => async (sent: Sent) => {
    if (dependency === 'dynamodb' && isHostile && place.isTableAway) return scene([RESET]);
    const hostile = isStruck(dependency) && place.isMark(sent);
    const token = dependency === 'zitadel' ? makeToken(zitadel.port, tokens.length) : '';
    if (token !== '') tokens.push(token);
    const isMade = !hostile || place.isWritten !== false || kind.means[place.scope] === 'answer';
    const proper = isMade ? await service(sent, token) : NOTHING;
    return hostile ? scene(kind.play({ proper, sent, token }), true) : scene([say(answer(proper.status, proper))]);
  };
  const greet = (dependency: Dependency) => () =>
    isStruck(dependency) && kind.greets
      ? scene(kind.play({ proper: NOTHING, sent: NO_REQUEST, token: '' }), true)
      : undefined;
  /** Only ZITADEL is asked over TLS. */
  const security = (dependency: Dependency) => (): Secured | undefined => {
    if (dependency !== 'zitadel' || kind.isTls === undefined) return undefined;
    return { security: (isHostile ? kind.security : undefined) ?? {}, isHostile };
  };
  const open = (dependency: Dependency, service: Service): Promise<Theatre> =>
    createTheatre({
      clock,
      watch,
      direct: direct(dependency, service),
      greet: greet(dependency),
      security: security(dependency),
    });

  const zitadel = await open('zitadel', zitadelAnswer);
  const secrets = await open('secrets-manager', secretAnswer);
  const table = await open('dynamodb', askTable);
  return {
    theatres: { zitadel, 'secrets-manager': secrets, dynamodb: table },
    tokens,
    turnHostile: () => {
      isHostile = true;
    },
    close: async () => {
      await Promise.all([zitadel, secrets, table].map((theatre) => theatre.close()));
    },
  };
}
