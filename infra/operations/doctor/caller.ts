import { loggable } from '../../../lib/core/redacted.ts';
import type { Result } from '../../../lib/core/result.ts';
import { ok } from '../../../lib/core/result.ts';
import { MINUTE_MS, SECOND_MS } from '../../../lib/core/time.ts';
import type { HttpAnswer, HttpFault } from '../../../lib/net/http-client.ts';
import { parseJsonObject } from '../../../lib/oauth/token-response.ts';
import { type Check, fault, type Problem, warning } from './finding.ts';
import { type SignedDeps, sendSigned } from './signed.ts';

/** An answer of the broker, without the token in it. */
export interface CallerAnswer {
  readonly status: number;
  /** The broker's own error (RFC 6749 §5.2), if it has one. */
  readonly error: string;
  /** API Gateway's text, if it has answered itself. */
  readonly message: string;
  readonly requestId: string;
}

/** What a service meets on its way to a token. */
export interface CallerFacts {
  readonly url: string;
  readonly profile: string;
  /** The credentials that were found, without their secret parts. */
  readonly key: { readonly id: string; readonly hasSessionToken: boolean } | undefined;
  /** The region that the service signs for, and the one in the broker's host name. */
  readonly region: string;
  readonly brokerRegion: string | undefined;
  readonly answer?: Result<CallerAnswer, HttpFault>;
  /** How far this clock is ahead of the broker's. */
  readonly aheadMs?: number;
  /** How long the first request took, which connects, and each of the others. */
  readonly tookMs: readonly number[];
}

const REQUESTS = 5;

const text = (value: unknown): string => (typeof value === 'string' ? loggable(value) : '');

function read({ status, body }: HttpAnswer): CallerAnswer {
  const { error, message, Message, request_id } = parseJsonObject(body) ?? {};
  return { status, error: text(error), message: text(message ?? Message), requestId: text(request_id) };
}

export interface CallerTarget {
  /** The broker's, without a trailing slash. */
  readonly url: string;
  readonly profile: string;
  /** For which the service signs. */
  readonly region: string;
}

/** Requests a token as a service does, several times if the first succeeds. Nothing of the token is kept. */
export async function gatherCaller({ url, profile, region }: CallerTarget, deps: SignedDeps): Promise<CallerFacts> {
  const [, brokerRegion] = /\.execute-api\.([a-z0-9-]+)\./.exec(new URL(url).hostname) ?? [];
  const known = { url, profile, region, brokerRegion };
  const found = await deps.credentials().catch(() => undefined);
  if (found === undefined) return { ...known, key: undefined, tookMs: [] };
  const key = { id: found.accessKeyId, hasSessionToken: found.sessionToken !== undefined };
  const tookMs: number[] = [];
  let answer: Result<CallerAnswer, HttpFault> | undefined;
  let skew = {};
  for (let count = 0; count < REQUESTS; count += 1) {
    const startedAt = deps.clock.now();
    const request = {
      service: 'execute-api',
      region,
      url: new URL(`${url}/${profile}/oauth/v2/token`),
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'grant_type=client_credentials',
    };
    const answered = await sendSigned(request, deps);
    const endedAt = deps.clock.now();
    tookMs.push(endedAt - startedAt);
    answer = answered.ok ? ok(read(answered.value)) : answered;
    const date = answered.ok ? Date.parse(String(answered.value.headers.date)) : Number.NaN;
    // A date has whole seconds.
    if (!Number.isNaN(date)) skew = { aheadMs: (startedAt + endedAt) / 2 - (date + SECOND_MS / 2) };
    if (!answer.ok || answer.value.status !== 200) break;
  }
  return { ...known, key, tookMs, ...(answer && { answer }), ...skew };
}

/** AWS refuses a signature that is older, or younger. */
const LARGEST_SKEW_MS = 5 * MINUTE_MS;

/** Above this, services notice. */
const SLOW_MS = SECOND_MS;

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;

/** Judges the answer; nothing without one. */
const answered = (
  { answer }: CallerFacts,
  check: (value: CallerAnswer) => readonly Problem[] | undefined,
): readonly Problem[] | undefined => (answer?.ok ? check(answer.value) : undefined);

const isGateway = ({ status, error }: CallerAnswer): boolean => status === 403 && error === '';

const keyProblems = ({ key }: CallerFacts): readonly Problem[] => {
  if (key === undefined) return [fault('credentials', 'were not found', 'give the service a role, or set AWS_PROFILE')];
  if (!key.id.startsWith('ASIA')) {
    return [
      fault('credentials', 'are not of a role: the broker accepts no IAM users', 'assume the role of the service'),
    ];
  }
  if (key.hasSessionToken) return [];
  return [fault('credentials', 'of a role lack their session token', 'pass AWS_SESSION_TOKEN on, and sign with it')];
};

const regionProblems = ({ region, brokerRegion, url }: CallerFacts): readonly Problem[] =>
  brokerRegion === undefined || brokerRegion === region
    ? []
    : [fault('region', `${region} is signed for; ${url} is in ${brokerRegion}`, `sign for ${brokerRegion}`)];

const clockProblems = ({ aheadMs = 0 }: CallerFacts): readonly Problem[] => {
  if (Math.abs(aheadMs) < LARGEST_SKEW_MS) return [];
  const direction = aheadMs > 0 ? 'ahead' : 'behind';
  return [fault('clock', `is ${Math.round(Math.abs(aheadMs) / SECOND_MS)} s ${direction}: AWS refuses it`, 'set it')];
};

/** The causes of API Gateway's 403 that can be seen from here. The answer is the same for all of them. */
const signatureProblems = (facts: CallerFacts): readonly Problem[] => [
  ...keyProblems(facts),
  ...regionProblems(facts),
  ...clockProblems(facts),
];

export const CALLER_CHECKS: readonly Check<CallerFacts>[] = [
  { code: 'ZTB401', title: 'credentials', fine: ({ key }) => `of a role (${key?.id})`, run: keyProblems },
  { code: 'ZTB402', title: 'region', fine: ({ region }) => region, run: regionProblems },
  { code: 'ZTB403', title: 'clock', fine: () => 'agrees', run: clockProblems },
  {
    code: 'ZTB404',
    title: 'network',
    fine: ({ url }) => `${url} answers`,
    run: ({ answer, url }) => {
      if (answer === undefined) return undefined;
      if (answer.ok) return [];
      const { kind, detail } = answer.error;
      return [fault(url, `does not answer: ${kind}, ${detail}`, 'check the URL, the network and the proxy')];
    },
  },
  {
    code: 'ZTB405',
    title: 'IAM policy',
    fine: () => 'allows the request',
    run: (facts) =>
      answered(facts, (answer) => {
        if (!isGateway(answer)) return [];
        if (signatureProblems(facts).length > 0) return undefined;
        const says = `API Gateway refuses it (403 ${answer.message}): IAM, not the profile`;
        const todo = `allow execute-api:Invoke on …/POST/${facts.profile}/oauth/v2/token, or correct the key: docs/deploy.md`;
        return [fault(facts.profile, says, todo)];
      }),
  },
  {
    code: 'ZTB406',
    title: 'profile',
    fine: () => 'lists this role',
    run: (facts) =>
      answered(facts, (answer) => {
        const { status, error, requestId } = answer;
        if (status === 200) return [];
        if (error === '' || (status !== 403 && status !== 401)) return undefined;
        return [
          fault(
            facts.profile,
            `the broker refuses this role (${status} ${error}, request ${requestId}): the profile, not IAM`,
            'list the role in callers of the profile, or undo its block: npm run block -- --list',
          ),
        ];
      }),
  },
  {
    code: 'ZTB407',
    title: 'token',
    fine: ({ profile }) => `${profile} is served`,
    run: (facts) =>
      answered(facts, (answer) => {
        const { status, error, message, requestId } = answer;
        if (status === 403 || status === 401) return undefined;
        if (status === 200) return [];
        const says = `is answered ${status} ${error || message}`;
        if (status === 404) return [fault(facts.profile, says, 'check the URL: nothing may follow the host')];
        if (status === 429) return [warning(facts.profile, says, 'keep tokens, or raise throttleRate')];
        const todo = requestId === '' ? 'see docs/operating.md, Errors' : `look for request ${requestId} in the log`;
        return [fault(facts.profile, says, todo)];
      }),
  },
  {
    code: 'ZTB408',
    title: 'the way',
    fine: ({ tookMs }) => `${tookMs[0]} ms with the connection, then ${median(tookMs.slice(1))} ms`,
    run: (facts) =>
      answered(facts, ({ status }) => {
        const tookMs = median(facts.tookMs.slice(1));
        if (status !== 200) return undefined;
        if (tookMs < SLOW_MS) return [];
        return [warning('the way', `takes ${tookMs} ms`, 'use the broker of your region, and keep connections')];
      }),
  },
];
