import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Answer, answered, refused } from './secrets-manager/answer.ts';
import { createLabelEvent, type LabelEvent } from './secrets-manager/event.ts';
import { checkShape, parseInput } from './secrets-manager/input.ts';
import { createOperations } from './secrets-manager/operations.ts';
import { rotateDue } from './secrets-manager/rotate-secret.ts';
import { createRotations, type RotationFunction } from './secrets-manager/rotations.ts';
import { AWSCURRENT } from './secrets-manager/staging.ts';
import { createSecretStore } from './secrets-manager/store.ts';
import { listen, readBody, type StandIn } from './stand-in.ts';

/** AWS Secrets Manager on loopback: secrets with versions and staging labels, and their rotations. */
export interface SecretsManager extends StandIn {
  /** Creates the secret, or adds a version that becomes AWSCURRENT. Returns the version's id. */
  readonly put: (name: string, secretString: string) => string;
  /** The string that AWSCURRENT is on; `undefined` if there is none. */
  readonly current: (name: string) => string | undefined;
  /** The secret's full ARN; `undefined` if it does not exist. */
  readonly arn: (name: string) => string | undefined;
  /** Refuses the next `n` calls with ThrottlingException, which official clients retry. */
  readonly throttle: (n: number) => void;
  /** Fails the next `n` calls with InternalServiceError, status 500, which official clients retry. */
  readonly fail: (n: number) => void;
  /** The number of GetSecretValue calls for the secret, or for any, including throttled, failed and refused ones. */
  readonly reads: (name?: string) => number;
  /** Sets the rotation function of all secrets, whatever `RotationLambdaARN` says. */
  readonly rotateWith: (rotate: RotationFunction) => void;
  /** Starts each rotation whose `NextRotationDate` has passed; nothing else does. Returns the ARNs of the secrets. */
  readonly rotateDue: () => readonly string[];
  /** Resolves when no rotation is under way, and no step of a cancelled one. */
  readonly settled: () => Promise<void>;
  /** Cancels the rotations, stops listening and closes every open connection. */
  readonly close: () => Promise<void>;
}

/** `now` returns epoch milliseconds. */
export interface SecretsManagerOptions {
  readonly now: () => number;
  readonly region?: string;
  readonly accountId?: string;
  readonly port?: number;
  /** The rotation function, if it exists before this stand-in. Without one, RotateSecret is refused. */
  readonly rotate?: RotationFunction | undefined;
  /** How often a rotation is tried before it has failed. Default: 1. AWS tries several times. */
  readonly rotationAttempts?: number;
  /** Takes what EventBridge would deliver, before the call that moves the label is answered. Must not throw. */
  readonly onEvent?: (event: LabelEvent) => void;
}

const TARGET_PREFIX = 'secretsmanager.';

// Checks the format only: the gateway, not this stand-in, verifies the key, the signature and its date.
const SIGV4_SHAPE =
  /^AWS4-HMAC-SHA256 Credential=[^/,\s]+\/\d{8}\/[^/,\s]+\/secretsmanager\/aws4_request, ?SignedHeaders=[^,\s]+, ?Signature=[0-9a-f]{64}$/;

function send(res: ServerResponse, answer: Answer): void {
  const body = answer.ok ? answer.value : { __type: answer.type, Message: answer.message };
  res.writeHead(answer.ok ? 200 : answer.status, {
    'content-type': 'application/x-amz-json-1.1',
    'x-amzn-requestid': randomUUID(),
  });
  res.end(JSON.stringify(body));
}

/** Starts an empty Secrets Manager that speaks AWS JSON 1.1. */
export async function createSecretsManager(options: SecretsManagerOptions): Promise<SecretsManager> {
  const { now, region = 'eu-central-1', accountId = '123456789012', port = 0 } = options;
  const { rotationAttempts = 1, onEvent } = options;
  let { rotate } = options;
  const store = createSecretStore(now, `arn:aws:secretsmanager:${region}:${accountId}:secret:`, (move) =>
    onEvent?.(createLabelEvent(move, { account: accountId, region, nowMs: now() })),
  );
  const rotations = createRotations(store, () => rotate, rotationAttempts);
  const operations = createOperations(store, rotations, now);
  const faults: Answer[] = [];
  const reads: string[] = [];

  const respond = (req: IncomingMessage, body: string): Answer => {
    const target = req.headers['x-amz-target'];
    const name =
      typeof target === 'string' && target.startsWith(TARGET_PREFIX) ? target.slice(TARGET_PREFIX.length) : '';
    const operation = Object.hasOwn(operations, name) ? operations[name] : undefined;
    const input = parseInput(body);
    if (name === 'GetSecretValue' && input.ok && input.value.SecretId !== undefined) {
      reads.push(store.find(input.value.SecretId)?.name ?? input.value.SecretId);
    }
    const fault = faults.shift();
    if (fault !== undefined) return fault;
    if (!SIGV4_SHAPE.test(req.headers.authorization ?? '')) {
      return refused('MissingAuthenticationTokenException', 'Missing Authentication Token');
    }
    if (req.method !== 'POST' || operation === undefined) {
      return refused('UnknownOperationException', 'The requested operation is not supported by the service.');
    }
    if (!input.ok) return input;
    const shape = checkShape(input.value);
    return shape.ok ? operation(shape.value) : shape;
  };

  const standIn = await listen(
    (req, res) => {
      // If the request is cut off while it is read, there is no one to answer.
      readBody(req).then(
        (body) => send(res, respond(req, body)),
        () => res.destroy(),
      );
    },
    { port },
  );

  const prepare = (n: number, fault: Answer) => {
    for (let i = 0; i < n; i += 1) faults.push(fault);
  };
  return {
    ...standIn,
    put: (name, secretString) => {
      const known = store.find(name);
      const secret = known === undefined ? store.create(name) : answered(known);
      if (!secret.ok) throw new Error(secret.message);
      const version = store.addVersion(secret.value, { SecretString: secretString });
      if (!version.ok) throw new Error(version.message);
      return version.value.id;
    },
    current: (name) => {
      const secret = store.find(name);
      const value = secret?.versions.get(secret.staging.get(AWSCURRENT) ?? '')?.value;
      return value !== undefined && 'SecretString' in value ? value.SecretString : undefined;
    },
    arn: (name) => store.find(name)?.arn,
    throttle: (n) => prepare(n, refused('ThrottlingException', 'Rate exceeded')),
    fail: (n) =>
      prepare(n, {
        ok: false,
        status: 500,
        type: 'InternalServiceError',
        message: 'An error occurred on the server side.',
      }),
    rotateWith: (next) => {
      rotate = next;
    },
    rotateDue: () => rotateDue(store, rotations, now()),
    settled: rotations.settled,
    close: async () => {
      rotations.cancel();
      await standIn.close();
    },
    reads: (name) => (name === undefined ? reads.length : reads.filter((read) => read === name).length),
  };
}
