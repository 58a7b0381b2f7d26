import { admit, isNameOfProfile, nameInPath } from './authoriser.ts';
import { judgeForm, TOKEN_EXCHANGE } from './form-judge.ts';
import { type ReadForm, readForm } from './form-reader.ts';
import { type Endpoint, ROUTES } from './plan.ts';
import { AUDIENCES, DOCUMENT } from './profiles.ts';
import { SENT } from './zitadel.ts';

/** The decisions that are right: `200`, or a status and an error code. More than one where a form has several faults. */
export type Prediction = ReadonlySet<string>;

/** Codes of a caller's own fault are answered with 400, but for this one. */
const STATUS: Readonly<Record<string, number>> = { unauthorized_client: 403 };

const SERVED = '200';
const NEEDS_ACTOR = ['urn:ietf:params:oauth:token-type:jwt', 'urn:zitadel:params:oauth:token-type:user_id'];

/** What ZITADEL has against a revocation that is in order. */
const refusalsOfRevocation = ({ parameters }: ReadForm): readonly string[] =>
  SENT.unrevocable.includes(parameters.get('token') ?? '') ? ['unsupported_token_type'] : [];

/** Likewise of an exchange, as the recordings tell. */
function refusalsOfExchange({ parameters, audiences }: ReadForm): readonly string[] {
  const subject = parameters.get('subject_token') ?? '';
  const actor = parameters.get('actor_token');
  const needsActor = NEEDS_ACTOR.includes(parameters.get('subject_token_type') ?? '');
  const isActorKnown = actor === undefined || [...SENT.goodActors, ...SENT.powerlessActors].includes(actor);
  const isPowerless = actor === undefined ? needsActor : SENT.powerlessActors.includes(actor);
  return [
    ...(SENT.goodSubjects.includes(subject) && isActorKnown ? [] : ['invalid_grant']),
    ...(isPowerless ? ['unauthorized_client'] : []),
    ...(audiences.includes(AUDIENCES.unknown) ? ['invalid_target'] : []),
  ];
}

const REFUSALS = {
  token: (form: ReadForm) => (form.parameters.get('grant_type') === TOKEN_EXCHANGE ? refusalsOfExchange(form) : []),
  introspect: () => [],
  revoke: refusalsOfRevocation,
} as const;

/** Which decisions about the event would be right, by the documents. */
export function predict(event: unknown, endpoint: Endpoint): Prediction {
  const route = ROUTES[endpoint];
  if (endpoint === 'metadata') {
    return new Set([isNameOfProfile(nameInPath(event, route)) ? SERVED : '400 invalid_request']);
  }
  const admission = admit(DOCUMENT, event, route);
  if (!admission.admitted) return new Set([`${admission.status} ${admission.error}`]);
  const form = readForm(event);
  const faults = judgeForm(form, endpoint, admission.name, admission.profile);
  const refused = faults.size > 0 || form === undefined ? [...faults] : REFUSALS[endpoint](form);
  return new Set(refused.length === 0 ? [SERVED] : refused.map((code) => `${STATUS[code] ?? 400} ${code}`));
}
