import { partition } from '@aws-sdk/core/client';
import { parseXmlBody } from '@aws-sdk/core/protocols';
import { loggableName } from '../../../lib/aws/call.ts';
import { fail, ok, type Result } from '../../../lib/core/result.ts';
import type { HttpAnswer } from '../../../lib/net/http-client.ts';
import { parseJsonObject } from '../../../lib/oauth/token-response.ts';
import { type SignedDeps, type SignedRequest, sendSigned } from './signed.ts';

export type Json = Readonly<Record<string, unknown>>;

/** Why a call has no result: the name of AWS's error, or why there is no answer. */
export interface AwsError {
  readonly name: string;
  readonly message: string;
}

export type Called = Promise<Result<Json, AwsError>>;

/** Calls of AWS in the three protocols of the services that are asked. */
export interface AwsCalls {
  /** The query protocol, with an answer in XML; its result is below `{action}Result`. */
  readonly query: (service: QueryService, action: string, parameters?: Readonly<Record<string, string>>) => Called;
  readonly json: (service: JsonService, operation: string, input: object) => Called;
  readonly get: (service: 'lambda' | 'apigateway', path: string) => Called;
  /** How far this clock is ahead of AWS's, by the last answer. */
  readonly aheadMs: () => number | undefined;
}

const QUERY_VERSIONS = {
  sts: '2011-06-15',
  cloudformation: '2010-05-15',
  iam: '2010-05-08',
  monitoring: '2010-08-01',
  sns: '2010-03-31',
} as const;
type QueryService = keyof typeof QUERY_VERSIONS;

const JSON_TARGETS = {
  dynamodb: { prefix: 'DynamoDB_20120810', type: 'application/x-amz-json-1.0' },
  events: { prefix: 'AWSEvents', type: 'application/x-amz-json-1.1' },
} as const;
type JsonService = keyof typeof JSON_TARGETS;

/** IAM has one endpoint in each partition. */
const IAM: Readonly<Record<string, { readonly host: string; readonly region: string }>> = {
  aws: { host: 'iam.amazonaws.com', region: 'us-east-1' },
  'aws-cn': { host: 'iam.cn-north-1.amazonaws.com.cn', region: 'cn-north-1' },
  'aws-us-gov': { host: 'iam.us-gov.amazonaws.com', region: 'us-gov-west-1' },
};

/** The members of a value; empty if it has none, as an empty element of XML. */
export const members = (value: unknown): Json => (typeof value === 'object' && value !== null ? (value as Json) : {});

/** A list in JSON, or in XML, where one element looks like a single value. */
export const items = (value: unknown): readonly Json[] => {
  const { member, entry } = members(value);
  const list = Array.isArray(value) ? value : (member ?? entry ?? []);
  return [list].flat() as Json[];
};

const XML = {
  streamCollector: async (body: Uint8Array) => body,
  utf8Encoder: (body: Uint8Array) => Buffer.from(body).toString('utf8'),
};

async function parse({ headers, body }: HttpAnswer): Promise<Json> {
  if (!/xml/.test(String(headers['content-type'])) && !body.startsWith('<')) return parseJsonObject(body) ?? {};
  try {
    return members(await parseXmlBody(Buffer.from(body), XML as never));
  } catch {
    return {};
  }
}

/** The error of an answer, in any of the protocols. */
function errorOf(answer: HttpAnswer, body: Json): AwsError {
  const { Code, Message } = members(body.Error);
  const name = String(Code ?? body.__type ?? answer.headers['x-amzn-errortype'] ?? `Status${answer.status}`);
  // The prefix of a namespace, and the address that may follow.
  const plain = name.replace(/^.*#/, '').replace(/:.*$/, '');
  return { name: loggableName(plain), message: String(Message ?? body.message ?? '') };
}

/** Creates calls in a region, signed with the operator's credentials. */
export function createAwsCalls(region: string, deps: SignedDeps): AwsCalls {
  const { name: partitionName, dnsSuffix } = partition(region);
  let aheadMs: number | undefined;

  function endpoint(service: string, path: string): Pick<SignedRequest, 'service' | 'region' | 'url'> {
    const global = service === 'iam' ? IAM[partitionName] : undefined;
    const host = global?.host ?? `${service}.${region}.${dnsSuffix}`;
    return { service, region: global?.region ?? region, url: new URL(`https://${host}${path}`) };
  }

  async function call(request: SignedRequest): Called {
    const sentAt = deps.clock.now();
    let answered: Awaited<ReturnType<typeof sendSigned>>;
    try {
      answered = await sendSigned(request, deps);
    } catch (error) {
      // Of the chain of credential providers.
      return fail({ name: loggableName(error instanceof Error ? error.name : ''), message: '' });
    }
    if (!answered.ok) return fail({ name: loggableName(answered.error.detail), message: '' });
    const { value: answer } = answered;
    const date = Date.parse(String(answer.headers.date));
    if (!Number.isNaN(date)) aheadMs = (sentAt + deps.clock.now()) / 2 - date;
    const body = await parse(answer);
    return answer.status === 200 ? ok(body) : fail(errorOf(answer, body));
  }

  return {
    aheadMs: () => aheadMs,
    get: (service, path) => call(endpoint(service, path)),
    json: (service, operation, input) => {
      const { prefix, type } = JSON_TARGETS[service];
      const headers = { 'content-type': type, 'x-amz-target': `${prefix}.${operation}` };
      return call({ ...endpoint(service, '/'), headers, body: JSON.stringify(input) });
    },
    async query(service, Action, parameters = {}) {
      const body = new URLSearchParams({ Action, Version: QUERY_VERSIONS[service], ...parameters }).toString();
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      const called = await call({ ...endpoint(service, '/'), headers, body });
      return called.ok ? ok(members(called.value[`${Action}Result`])) : called;
    },
  };
}
