import fc from 'fast-check';
import { createRandom } from '../runner/random.ts';
import type { History, Run, Tell, World } from '../runner/worlds.ts';
import { PROMISES, parse, runOf } from './answer-rules.ts';
import { member } from './authoriser.ts';
import { CHANGES } from './forms.ts';
import { judge } from './judge.ts';
import { assemble, KINDS, type Plan, plans, USUAL } from './plan.ts';
import { ROUTES } from './setting.ts';
import { createStage, type Stage } from './stage.ts';
import { namesOf } from './variants.ts';

/** An event: its items are its parts and its changes, each of which can be left out for what is usual. */
interface EventPlan extends History, Pick<Plan, 'endpoint' | 'format' | 'profile'> {
  readonly items: readonly Item[];
}

/** `at` is the place among the items. */
interface Item {
  readonly kind: string;
  readonly at: number;
  readonly made: Partial<Plan>;
}

const PARTS = namesOf(KINDS);
/** The parts that an event of the metadata's endpoint does not have. */
const OF_BODIES: readonly string[] = ['form', 'spelling', 'envelope', 'contentType'];
/** The members of a plan that are lists of changes. */
const LISTS = ['changes', 'edits'] as const;

function createPlan(seed: string): EventPlan {
  const [plan = USUAL] = fc.sample(plans, { seed: createRandom(seed).int(0, 2 ** 31 - 1), numRuns: 1 });
  const { endpoint, format, profile, changes, edits } = plan;
  const parts = PARTS.filter((part) => endpoint !== 'metadata' || !OF_BODIES.includes(part));
  const items: readonly Omit<Item, 'at'>[] = [
    ...parts.map((part) => ({ kind: `${part}: ${plan[part][0]}`, made: { [part]: plan[part] } })),
    ...changes.map((change) => ({ kind: `change: ${change[0]}`, made: { changes: [change] } })),
    ...edits.map((edit) => ({ kind: 'edit', made: { edits: [edit] } })),
  ];
  return { seed, endpoint, format, profile, items: items.map((item, at) => ({ ...item, at })) };
}

/** The parts and changes of all items, and what is usual. */
function planOf({ endpoint, format, profile, items }: EventPlan): Plan {
  const all = items.map(({ made }) => made);
  const lists = LISTS.map((name) => [name, all.flatMap(({ [name]: changes = [] }) => changes as unknown[])]);
  return Object.assign({}, USUAL, { endpoint, format, profile }, ...all, Object.fromEntries(lists));
}

const LONGEST_SHOWN = 300;

/** Long texts by their beginning and length. */
const shorten = (_: string, value: unknown): unknown =>
  typeof value === 'string' && value.length > LONGEST_SHOWN
    ? `${value.slice(0, LONGEST_SHOWN)}… of ${value.length} characters`
    : value;

/** Creates what plays an event, on one stage for all, and compares the answer with the second authoriser's. */
export const createPlay = (create: () => Stage) => {
  let stage: Stage | undefined;
  return async (events: EventPlan, tell: Tell = () => undefined): Promise<Run> => {
    stage ??= create();
    const plan = planOf(events);
    const event = assemble(plan);
    tell(JSON.stringify(event, shorten));
    const { answer, decision, breaches } = await judge(plan, event, stage);
    const description =
      answer === undefined || answer.statusCode === 200
        ? []
        : [`description: ${member(parse(answer.body), 'error_description')}`];
    const kinds = [
      ...events.items.map(({ kind }) => kind),
      `edits: ${plan.edits.length}`,
      `version: ${plan.format}`,
      `endpoint: ${plan.endpoint}`,
      `status: ${decision ?? 'none'}`,
      ...description,
    ];
    return runOf(kinds, events.items.length, breaches);
  };
};

const headed = (heading: string, names: readonly string[]) => names.map((name) => `${heading}: ${name}`);

const DECISIONS = [
  ...['200', '401 invalid_client', '403 unauthorized_client', '400 invalid_request', '400 invalid_grant'],
  ...['400 invalid_scope', '400 invalid_target', '400 unsupported_grant_type', '400 unsupported_token_type'],
];

/** What answers say about errors. */
const DESCRIPTIONS = [
  'sign the request as an IAM role (AWS Signature Version 4)',
  'the profile does not exist, or this caller may not use it',
  'the content type must be application/x-www-form-urlencoded',
  'the body is not UTF-8',
  'the body is not form-url-encoded UTF-8',
  'a parameter is sent more than once',
  'the body is larger than 100 kB',
  'the body is larger than 4 kB',
  'grant_type is missing',
  'token is missing',
  'subject_token is missing',
  'subject_token_type is missing',
  'client_id, if sent, must be the name of the profile',
  'scopes must be separated by single spaces',
  'this profile does not grant one of the scopes',
  'this profile does not allow an actor',
  'actor_token and actor_token_type must be sent together',
  'this profile does not introspect',
  'this profile does not revoke tokens',
  'this profile does not exchange tokens',
  'this profile does not exchange tokens of this subject_token_type',
  'this profile does not hand out tokens of this requested_token_type',
  "this profile only exchanges its callers' tokens",
  'the profile sets the audience; omit audience and resource',
  'this profile does not allow the audience, and resource is not supported',
  'the subject token, or the actor token, is not accepted',
  'the subject token lacks the requested scopes or audience',
  'the authorization server does not allow this actor to impersonate others',
  'the path does not contain a valid profile name',
];

/** Events of API Gateway. */
export const EVENTS = {
  kinds: [
    ...headed('version', ['2.0', '1.0', 'REST']),
    ...headed('endpoint', namesOf(ROUTES)),
    ...headed('status', DECISIONS),
    ...headed('description', DESCRIPTIONS),
    ...PARTS.flatMap((part) => headed(part, namesOf(KINDS[part]))),
    ...headed('change', namesOf(CHANGES)),
    ...headed('edits', ['0', '1', '2']),
  ],
  promises: PROMISES,
  createPlan,
  play: createPlay(createStage),
} satisfies World;
