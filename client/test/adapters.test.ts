import { once } from 'node:events';
import { createServer } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { create, createFileRegistry } from '@bufbuild/protobuf';
import type { GenService } from '@bufbuild/protobuf/codegenv2';
import {
  EmptySchema,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  file_google_protobuf_empty,
} from '@bufbuild/protobuf/wkt';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { connectNodeAdapter, createConnectTransport, createGrpcTransport } from '@connectrpc/connect-node';
import { credentials, makeGenericClientConstructor, Server, ServerCredentials, status } from '@grpc/grpc-js';
import axios from 'axios';
import { createChannel, createClientFactory, createServer as createNiceServer, Metadata, ServerError } from 'nice-grpc';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { TlsIdentity } from '../../infra/local/stand-in.ts';
import { createAuthority, createServerIdentity } from '../../infra/local/tls/certificate.ts';
import { authorizedFetch } from '../src/authorized-fetch.ts';
import { withBroker } from '../src/axios.ts';
import { brokerInterceptor } from '../src/connect.ts';
import { brokerCredentials } from '../src/grpc.ts';
import { brokerMiddleware } from '../src/nice-grpc.ts';
import { createSource } from './source.ts';

const DAY_MS = 86_400_000;

const source = createSource();
const { rejected } = source;

/** What the servers here have seen, and the one token that they take. */
const seen: (string | null | undefined)[] = [];
let accepted = 'first';
const isAccepted = (authorization: string | null | undefined) => {
  seen.push(authorization);
  return authorization === `Bearer ${accepted}`;
};

const closers: (() => void)[] = [];
beforeEach(() => {
  source.tokens = ['first', 'second'];
  accepted = 'first';
});
afterEach(() => {
  for (const close of closers.splice(0)) close();
  seen.splice(0);
  rejected.splice(0);
});

/** A service with one method that takes and gives nothing. */
function createService() {
  const empty = '.google.protobuf.Empty';
  const file = create(FileDescriptorProtoSchema, {
    name: 'orders.proto',
    package: 'shop',
    syntax: 'proto3',
    dependency: ['google/protobuf/empty.proto'],
    service: [{ name: 'Orders', method: [{ name: 'List', inputType: empty, outputType: empty }] }],
  });
  const set = create(FileDescriptorSetSchema, { file: [file_google_protobuf_empty.proto, file] });
  const service = createFileRegistry(set).getService('shop.Orders');
  if (service === undefined) throw new Error('no service');
  return service as GenService<{
    list: { methodKind: 'unary'; input: typeof EmptySchema; output: typeof EmptySchema };
  }>;
}

/** What each adapter does that can repeat a call. */
const testReplacing = (list: () => Promise<unknown>) =>
  test('replaces a token that is refused', async () => {
    accepted = 'second';
    await list();
    expect(seen).toEqual(['Bearer first', 'Bearer second']);
    expect(rejected).toEqual(['first']);
  });

describe.each(['Connect', 'gRPC'])('brokerInterceptor, over %s', (protocol) => {
  const service = createService();

  /** Calls the method once. */
  async function list(): Promise<unknown> {
    const answer = connectNodeAdapter({
      routes: (router) =>
        void router.service(service, {
          list: (_request, { requestHeader }) => {
            if (!isAccepted(requestHeader.get('authorization'))) throw new ConnectError('no', Code.Unauthenticated);
            return create(EmptySchema);
          },
        }),
    });
    const server = protocol === 'gRPC' ? createHttp2Server(answer) : createServer(answer);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    closers.push(() => server.close());
    const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const interceptors = [brokerInterceptor(source)];
    const transport =
      protocol === 'gRPC'
        ? createGrpcTransport({ baseUrl, interceptors })
        : createConnectTransport({ baseUrl, httpVersion: '1.1', interceptors });
    return createClient(service, transport).list({});
  }

  test('adds the token', async () => {
    await list();
    expect(seen).toEqual(['Bearer first']);
  });

  testReplacing(list);

  test.each([
    ['the broker finds the token valid', ['first', 'first'], 1],
    ['there is no other token', ['first'], 1],
    ['the other token is refused too', ['first', 'second', 'third'], 2],
  ])('gives the error where %s', async (_name, these, calls) => {
    accepted = 'none';
    source.tokens = these;
    await expect(list()).rejects.toMatchObject({ code: Code.Unauthenticated });
    expect(seen).toHaveLength(calls);
  });
});

describe('brokerMiddleware', () => {
  const raw = (value: Buffer) => value;
  const define = (streams: { requestStream: boolean; responseStream: boolean }) => ({
    list: {
      path: '/shop.Orders/List',
      ...streams,
      options: {},
      requestSerialize: raw,
      requestDeserialize: raw,
      responseSerialize: raw,
      responseDeserialize: raw,
    },
  });

  /** Calls the method once; `streams` says whether it streams its answer. */
  async function list(streams = false): Promise<void> {
    const definition = define({ requestStream: false, responseStream: streams });
    const check = ({ metadata }: { metadata: { get(name: string): string | undefined } }) => {
      if (!isAccepted(metadata.get('authorization'))) throw new ServerError(status.UNAUTHENTICATED, 'no');
    };
    const server = createNiceServer();
    server.add(
      definition as never,
      {
        list: streams
          ? async function* (_request: Buffer, context: Parameters<typeof check>[0]) {
              check(context);
              yield Buffer.from('a');
            }
          : async (_request: Buffer, context: Parameters<typeof check>[0]) => {
              check(context);
              return Buffer.from('a');
            },
      } as never,
    );
    const channel = createChannel(`127.0.0.1:${await server.listen('127.0.0.1:0')}`);
    closers.push(() => {
      channel.close();
      server.forceShutdown();
    });
    const client = createClientFactory()
      .use(brokerMiddleware(source))
      .create(definition as never, channel) as {
      list(request: Buffer, options: object): Promise<Buffer> & AsyncIterable<Buffer>;
    };
    const answer = client.list(Buffer.alloc(0), { metadata: Metadata({ authorization: 'Basic x' }) });
    if (streams) for await (const part of answer) expect(String(part)).toBe('a');
    else expect(String(await answer)).toBe('a');
  }

  test.each([false, true])('adds the token; an answer that streams: %s', async (streams) => {
    await list(streams);
    expect(seen).toEqual(['Bearer first']);
  });

  testReplacing(list);

  test.each<readonly [string, string[], calls: number, streams: boolean]>([
    ['the broker finds the token valid', ['first', 'first'], 1, false],
    ['there is no other token', ['first'], 1, false],
    ['the other token is refused too', ['first', 'second', 'third'], 2, false],
    ['the call streams', ['first', 'second'], 1, true],
  ])('gives the error where %s', async (_name, these, calls, streams) => {
    accepted = 'none';
    source.tokens = these;
    await expect(list(streams)).rejects.toMatchObject({ code: status.UNAUTHENTICATED });
    expect(seen).toHaveLength(calls);
    expect(rejected).toEqual(['first']);
  });
});

describe('brokerCredentials', () => {
  const raw = (value: Buffer) => value;
  const definition = {
    path: '/shop.Orders/List',
    requestStream: false,
    responseStream: false,
    requestSerialize: raw,
    requestDeserialize: raw,
    responseSerialize: raw,
    responseDeserialize: raw,
  } as const;

  let authority: TlsIdentity;
  let identity: TlsIdentity;
  beforeAll(async () => {
    const now = Date.now();
    const validity = { fromMs: now - DAY_MS, toMs: now + DAY_MS };
    authority = await createAuthority(validity);
    identity = await createServerIdentity(authority, validity);
  });

  /** Calls the method once, over TLS. */
  async function list(): Promise<void> {
    const server = new Server();
    server.addService(
      { list: definition },
      {
        list: (
          call: { metadata: { get(name: string): unknown[] } },
          done: (error: object | null, answer?: Buffer) => void,
        ) => {
          if (isAccepted(String(call.metadata.get('authorization')[0]))) done(null, Buffer.alloc(0));
          else done({ code: status.UNAUTHENTICATED });
        },
      },
    );
    const pair = { private_key: Buffer.from(identity.key), cert_chain: Buffer.from(identity.cert) };
    const port = await new Promise<number>((resolve, reject) => {
      const bound = (error: Error | null, at: number) => (error ? reject(error) : resolve(at));
      server.bindAsync('localhost:0', ServerCredentials.createSsl(null, [pair]), bound);
    });
    const Client = makeGenericClientConstructor({ list: definition }, 'Orders');
    const channel = credentials.createSsl(Buffer.from(authority.cert));
    const client = new Client(
      `127.0.0.1:${port}`,
      credentials.combineChannelCredentials(channel, brokerCredentials(source)),
    );
    closers.push(() => {
      client.close();
      server.forceShutdown();
    });
    await new Promise<void>((resolve, reject) => {
      client.list?.(Buffer.alloc(0), (error: Error | null) => (error ? reject(error) : resolve()));
    });
  }

  test('add the token', async () => {
    await list();
    expect(seen).toEqual(['Bearer first']);
  });

  test('fail the call where there is none', async () => {
    source.tokens = [];
    await expect(list()).rejects.toThrow('none');
    expect(seen).toEqual([]);
  });
});

test('axios adds the token, and sends once more after a 401', async () => {
  const server = createServer((request, response) => {
    response.writeHead(isAccepted(request.headers.authorization) ? 200 : 401).end('{"a":1}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => server.close());
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const orders = { fetch: (origins: readonly string[]) => authorizedFetch(source, origins, fetch) };
  const api = withBroker(axios.create({ baseURL: origin }), orders, [origin]);
  expect((await api.get('/a')).data).toEqual({ a: 1 });
  accepted = 'second';
  expect((await api.get('/a')).data).toEqual({ a: 1 });
  expect(seen).toEqual(['Bearer first', 'Bearer first', 'Bearer second']);
});
