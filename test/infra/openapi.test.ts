import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { parse } from 'yaml';
import { renderDocs } from '../../infra/build/docs.ts';
import { type Refusal, refusalResponse } from '../../infra/local/gateway/refusal.ts';
import type { GatewayAnswer } from '../../lib/http/answer.ts';
import { context, tokenEvent } from '../support/events.ts';
import { createRig, type Rig } from '../support/rig.ts';
import { assertion, federatedEvent, ISSUERS, WORKLOAD } from '../support/workload.ts';
import { EVERYTHING } from './template/essentials.ts';
import { resourcesOf } from './template/framework.ts';

interface Operation {
  readonly requestBody?: { readonly content: Record<string, { readonly schema: object }> };
  readonly responses: Record<string, { readonly $ref?: string }>;
}
interface Description {
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { readonly responses: Record<string, Response> };
}
interface Response {
  readonly headers?: Record<string, { readonly required?: boolean; readonly schema?: object; readonly $ref?: string }>;
  readonly content?: Record<string, { readonly schema: object }>;
}

const description = parse(readFileSync(join(import.meta.dirname, '../../openapi.yaml'), 'utf8')) as Description;
const ajv = new Ajv2020({ strict: false, formats: { uri: (text: string) => URL.canParse(text) } });
ajv.addSchema({ $id: 'openapi', ...description });

/** Whether a value is as a part of the description says; what is against it, otherwise. */
function faults(pointer: string, value: unknown): string {
  const validate = ajv.getSchema(`openapi#${pointer}`);
  if (validate === undefined) throw new Error(`nothing at ${pointer}`);
  return validate(value) ? '' : ajv.errorsText(validate.errors);
}

const escapePointer = (text: string) => text.replaceAll('~', '~0').replaceAll('/', '~1');
const PATHS: Readonly<Record<string, string>> = {
  metadata: '/{profile}/.well-known/openid-configuration',
  federated: '/federated/{profile}/oauth/v2/token',
  federatedMetadata: '/federated/{profile}/.well-known/openid-configuration',
};
const pathOf = (endpoint: string) => PATHS[endpoint] ?? `/{profile}/oauth/v2/${endpoint}`;
const methodOf = (endpoint: string) => (/metadata$/i.test(endpoint) ? 'get' : 'post');
const operationOf = (endpoint: string) => `/paths/${escapePointer(pathOf(endpoint))}/${methodOf(endpoint)}`;

test('is OpenAPI 3.1', async () => {
  const result = await new Validator().validate({ ...description });
  expect(result.errors ?? []).toEqual([]);
  expect(result.valid).toBe(true);
});

test('describes the routes of the deployment, and no others', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'openapi-'));
  writeFileSync(join(folder, 'profiles.yml'), EVERYTHING);
  vi.stubEnv('PROFILES_FILE', join(folder, 'profiles.yml'));
  onTestFinished(() => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true, force: true });
  });
  const keys = Object.values(await resourcesOf('api.cjs')).flatMap(({ Properties }) => Properties.RouteKey ?? []);
  const deployed = keys.map((key) => String(key).replace(/^[A-Z]+ /, ''));
  expect(Object.keys(description.paths).sort()).toEqual(deployed.sort());
});

const EXCHANGE = 'grant_type=urn:ietf:params:oauth:grant-type:token-exchange';
const SUBJECT = 'subject_token=TOKEN&subject_token_type=urn:ietf:params:oauth:token-type:access_token';

type Case = [name: string, endpoint: 'token' | 'introspect' | 'revoke', profile: string, form: string, status: number];
const good: Case[] = [
  ['a token', 'token', 'orders', 'grant_type=client_credentials', 200],
  ['a token of fewer scopes', 'token', 'orders', 'grant_type=client_credentials&scope=profile&client_id=orders', 200],
  ['an exchanged token', 'token', 'exchanging', `${EXCHANGE}&${SUBJECT}`, 200],
  ['a good token', 'introspect', 'introspecting', 'token=TOKEN', 200],
  ['a bad token', 'introspect', 'introspecting', 'token=x&token_type_hint=access_token', 200],
  ['a revoked token', 'revoke', 'revocable', 'token=x', 200],
];
const bad: Case[] = [
  ['no grant', 'token', 'orders', 'scope=profile', 400],
  ['another grant', 'token', 'orders', 'grant_type=password', 400],
  ['a foreign scope', 'token', 'orders', 'grant_type=client_credentials&scope=x', 400],
  ['an exchange without a subject', 'token', 'exchanging', EXCHANGE, 400],
  ['a subject that ZITADEL refuses', 'token', 'exchanging', `${EXCHANGE}&${SUBJECT.replace('TOKEN', 'x')}`, 400],
  ['no token', 'introspect', 'introspecting', 'x=1', 400],
  ['a profile that cannot', 'revoke', 'orders', 'token=x', 400],
  ['an unknown profile', 'token', 'nobodys', 'grant_type=client_credentials', 403],
  ['a credential that cannot exchange', 'token', 'api', 'grant_type=client_credentials', 502],
];

describe('what the handlers accept and answer is as described', () => {
  let rig: Rig;
  let token = '';
  const ask = async (
    endpoint: Case[1],
    profile: string,
    form: string,
    changes: object = {},
  ): Promise<GatewayAnswer> => {
    const event = tokenEvent(profile, form.replace('TOKEN', encodeURIComponent(token)), {
      rawPath: `/${profile}/oauth/v2/${endpoint}`,
      ...changes,
    });
    return rig.pass(rig.sandbox()[endpoint](event, context()));
  };
  beforeAll(async () => {
    const callers = ['arn:aws:iam::123456789012:role/orders-service', WORKLOAD];
    rig = await createRig({ issuers: ISSUERS, changes: { orders: { callers }, exchanging: { callers } } });
    token = JSON.parse((await ask('token', 'orders', 'grant_type=client_credentials')).body).access_token;
  });
  afterAll(() => rig.close());

  function check(endpoint: string, { statusCode, headers, body }: GatewayAnswer): void {
    const response = `${operationOf(endpoint)}/responses/${statusCode}`;
    const { $ref } = description.paths[pathOf(endpoint)]?.[methodOf(endpoint)]?.responses[`${statusCode}`] ?? {};
    expect($ref ?? '').toMatch(statusCode === 200 ? /^$/ : /^#\/components\/responses\//);
    const pointer = $ref === undefined ? response : $ref.slice(1);
    if (body !== '') expect(faults(`${pointer}/content/application~1json/schema`, JSON.parse(body))).toBe('');
    if (statusCode === 503)
      expect(faults(`${pointer}/headers/Retry-After/schema`, Number(headers['retry-after']))).toBe('');
    if (statusCode === 200 && methodOf(endpoint) === 'post') expect(headers['cache-control']).toBe('no-store');
  }

  test.each([...good, ...bad])('%s', async (_name, endpoint, profile, form, status) => {
    const answer = await ask(endpoint, profile, form);
    expect(answer.statusCode).toBe(status);
    check(endpoint, answer);
  });

  test.each(good)('the request for %s', (_name, endpoint, _profile, form) => {
    const schema = `${operationOf(endpoint)}/requestBody/content/application~1x-www-form-urlencoded/schema`;
    expect(faults(schema, Object.fromEntries(new URLSearchParams(form)))).toBe('');
  });

  // The same rules as the broker's: a parameter is sent once (RFC 6749 §3.2), an empty token is none.
  test.each<[name: string, endpoint: Case[1], profile: string, form: string]>([
    ['an unknown parameter twice', 'token', 'orders', 'grant_type=client_credentials&x=1&x=2'],
    ['an audience without an exchange', 'token', 'orders', 'grant_type=client_credentials&audience=1'],
    ['a resource', 'token', 'exchanging', `${EXCHANGE}&${SUBJECT}&resource=x:y`],
    ['an unknown parameter twice', 'introspect', 'introspecting', 'token=x&x=1&x=2'],
    ['an empty token', 'revoke', 'revocable', 'token='],
  ])('%s is refused as described, at %s', async (_name, endpoint, profile, form) => {
    const schema = `${operationOf(endpoint)}/requestBody/content/application~1x-www-form-urlencoded/schema`;
    const sent = [...new URLSearchParams(form)];
    const values = (name: string) => sent.filter(([key]) => key === name).map(([, value]) => value);
    const parsed = Object.fromEntries(
      sent.map(([name]) => [name, values(name).length > 1 ? values(name) : values(name)[0]]),
    );
    expect(faults(schema, parsed)).not.toBe('');
    expect((await ask(endpoint, profile, form)).statusCode).toBe(400);
  });

  test.each(['token', 'introspect', 'revoke'] as const)('%s without an identity', async (endpoint) => {
    const answer = await ask(endpoint, 'orders', 'x=1', { requestContext: {} });
    expect(answer.statusCode).toBe(401);
    check(endpoint, answer);
  });

  describe('without IAM', () => {
    const send = (form: Readonly<Record<string, string>>, profile = 'orders', changes: object = {}) =>
      rig.pass(rig.sandbox().federated(federatedEvent(profile, form, changes), context()));
    const exchange = () => ({
      ...Object.fromEntries(new URLSearchParams(EXCHANGE)),
      subject_token: token,
      subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    });
    const CLIENT = { grant_type: 'client_credentials' };
    const SCHEMA = `${operationOf('federated')}/requestBody/content/application~1x-www-form-urlencoded/schema`;

    test.each<[name: string, profile: string, form: () => Record<string, string>]>([
      ['a token', 'orders', () => CLIENT],
      ['a token of fewer scopes', 'orders', () => ({ ...CLIENT, scope: 'profile', client_id: 'orders' })],
      ['an exchanged token', 'exchanging', exchange],
    ])('%s, and the request for it', async (_name, profile, form) => {
      const sent = { ...form(), ...(await assertion()) };
      expect(faults(SCHEMA, sent)).toBe('');
      const answer = await send(sent, profile);
      expect(answer.statusCode).toBe(200);
      check('federated', answer);
    });

    test.each<[name: string, form: () => Promise<Record<string, string>>, profile: string, status: number]>([
      ['no assertion', async () => CLIENT, 'orders', 401],
      [
        'another audience',
        async () => ({ ...CLIENT, ...(await assertion({ aud: 'https://x.example' })) }),
        'orders',
        401,
      ],
      ['another grant', async () => ({ ...(await assertion()), grant_type: 'password' }), 'orders', 400],
      ['a foreign scope', async () => ({ ...CLIENT, ...(await assertion()), scope: 'x' }), 'orders', 400],
      ['a profile that does not list it', async () => ({ ...CLIENT, ...(await assertion()) }), 'reports', 403],
    ])('%s', async (_name, form, profile, status) => {
      const answer = await send(await form(), profile);
      expect(answer.statusCode).toBe(status);
      check('federated', answer);
    });

    test('no assertion, and one that is no JWT, are refused as described', async () => {
      expect(faults(SCHEMA, CLIENT)).not.toBe('');
      const opaque = { ...CLIENT, ...(await assertion()), client_assertion: 'opaque' };
      expect(faults(SCHEMA, opaque)).not.toBe('');
    });

    test('two identities', async () => {
      const headers = { authorization: 'AWS4-HMAC-SHA256 Credential=x' };
      const answer = await send({ ...CLIENT, ...(await assertion()) }, 'orders', { headers });
      expect(answer.statusCode).toBe(400);
      check('federated', answer);
    });

    test.each([
      '/federated/orders/.well-known/openid-configuration',
      '/federated/orders/.well-known/oauth-authorization-server',
      '/.well-known/oauth-authorization-server/federated/orders',
    ])('%s', async (rawPath) => {
      const requestContext = { domainName: 'broker.example' };
      const event = { version: '2.0', rawPath, pathParameters: { profile: 'orders' }, headers: {}, requestContext };
      const answer = await rig.sandbox().metadata(event, context());
      expect(answer.statusCode).toBe(200);
      check('federatedMetadata', answer);
    });
  });

  test('metadata, and a path that is none', async () => {
    for (const profile of ['orders', 'ORDERS'])
      for (const rawPath of [
        `/${profile}/.well-known/openid-configuration`,
        `/${profile}/.well-known/oauth-authorization-server`,
        `/.well-known/oauth-authorization-server/${profile}`,
      ]) {
        const requestContext = { domainName: 'broker.example' };
        const event = { version: '2.0', rawPath, pathParameters: { profile }, headers: {}, requestContext };
        check('metadata', await rig.sandbox().metadata(event, context()));
      }
  });

  test.each(['token', 'introspect', 'revoke'] as const)('%s with ZITADEL away', async (endpoint) => {
    rig.zitadel.intercept((req) => Boolean(req.destroy()));
    rig.restart();
    const profile = { token: 'odd', introspect: 'introspecting', revoke: 'revocable' }[endpoint];
    const answer = await ask(endpoint, profile, endpoint === 'token' ? 'grant_type=client_credentials' : 'token=y');
    rig.zitadel.intercept(undefined);
    expect(answer.statusCode).toBe(503);
    check(endpoint, answer);
  });
});

describe('what API Gateway itself answers is as described', () => {
  const fault = {
    kind: 'MissingAuthenticationTokenException',
    message: 'Missing Authentication Token',
    reason: '',
  } as const;
  const refusals: readonly Refusal[] = [
    { kind: 'signature', fault },
    { kind: 'notAllowed', userArn: 'a', resource: 'r' },
    { kind: 'throttled' },
    { kind: 'payloadTooLarge' },
    { kind: 'noRoute' },
    { kind: 'badPath' },
    { kind: 'bodyTooLarge' },
    { kind: 'headerTooLarge' },
    { kind: 'functionFailed' },
    { kind: 'functionTimedOut' },
  ];
  const signed = Object.values(description.paths).flatMap(({ post }) => post ?? []);
  const operations = Object.values(description.paths).flatMap(({ get, post }) => get ?? post ?? []);

  test.each(refusals)('$kind', (refusal) => {
    for (const payload of ['v1', 'v2'] as const) {
      const { statusCode, body, headers } = refusalResponse(refusal, payload);
      const isText = headers.some(([, value]) => value.startsWith('text;'));
      for (const { responses } of refusal.kind === 'notAllowed' ? signed : operations) {
        const { $ref = '' } = responses[`${statusCode}`] ?? {};
        expect($ref).toMatch(/^#/);
        const schema = `${$ref.slice(1)}/content/${isText ? 'text~1plain' : 'application~1json'}/schema`;
        expect(faults(schema, isText ? `${body}` : JSON.parse(`${body}`))).toBe('');
      }
    }
  });
});

test('the check finds what is not described', () => {
  expect(
    faults('/components/schemas/TokenResponse', {
      access_token: 'a',
      token_type: 'Bearer',
      expires_in: 5,
      scope: '',
      more: 1,
    }),
  ).toContain('additional');
  expect(
    faults('/components/schemas/CallerError', { error: 'server_error', error_description: 'x', request_id: '' }),
  ).not.toBe('');
});

test('the rendered page holds everything and fetches nothing', () => {
  const page = renderDocs();
  expect(page).toContain('ZITADEL token broker');
  expect(page).toContain('Redoc.init(');
  // Scripts stand in the page itself; what is left of it names no other file.
  const markup = page.replaceAll(/<script>[\s\S]*?<\/script>/g, '');
  expect(markup.length).toBeLessThan(500);
  expect(/(?:src|href)=/.test(markup)).toBe(false);
});
