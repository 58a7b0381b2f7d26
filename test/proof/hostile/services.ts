import { createHash } from 'node:crypto';
import { answer } from './answers.ts';
import type { Case } from './catalogue.ts';
import type { Dependency } from './places.ts';
import { type Proper, RESET, type Sent, say } from './play.ts';
import { accounts, SECRETS } from './profiles.ts';
import type { Security } from './secure.ts';
import { createServer, type Scene, type Server } from './server.ts';
import { noteStrike, type StageClock, type Watch } from './time.ts';

type Service = (sent: Sent, token: string) => Proper | Promise<Proper>;

const ok = (type: string, members: object): Proper => ({ status: 200, type, body: JSON.stringify(members) });

/** What ZITADEL answers. */
const zitadelAnswer: Service = ({ head, body }, token) => {
  const type = 'application/json';
  if (head.startsWith('POST /oauth/v2/revoke ')) return { status: 200, type, body: '' };
  if (head.startsWith('POST /oauth/v2/introspect '))
    return ok(type, { active: true, sub: '300000000000000001', client_id: accounts.saSecret.clientId });
  const issued = { access_token: token, token_type: 'Bearer', expires_in: 43_199 };
  if (!body.includes('subject_token=')) return ok(type, issued);
  return ok(type, { ...issued, issued_token_type: 'urn:ietf:params:oauth:token-type:access_token' });
};

/** What Secrets Manager answers. */
const secretAnswer: Service = ({ body }) => {
  const name = Object.keys(SECRETS).find((candidate) => body.includes(`"${candidate}"`)) ?? '';
  return ok('application/x-amz-json-1.1', {
    ARN: `arn:aws:secretsmanager:eu-central-1:123456789012:secret:${name}-AbCdEf`,
    Name: name,
    SecretString: SECRETS[name],
    VersionId: '11111111-2222-3333-4444-555555555555',
    VersionStages: ['AWSCURRENT'],
  });
};

/** Passes requests on to the stand-in for the table at `url`. */
export const createTableProxy =
  (url: string) =>
  async ({ head, body }: Sent): Promise<Proper> => {
    const headers = head.matchAll(/^(x-amz-[\w-]+|authorization|content-type): *(.*)$/gim);
    const response = await fetch(url, {
      method: 'POST',
      headers: [...headers].map(([, name = '', value = '']) => [name, value] as [string, string]),
      body: Buffer.from(body, 'latin1'),
    });
    return { status: response.status, type: 'application/x-amz-json-1.0', body: await response.text() };
  };

const NO_REQUEST: Sent = { head: '', body: '' };
/** The answer to a write that is not made. */
const NOTHING = ok('application/x-amz-json-1.0', {});

/** All that the broker depends on: it works at first, then it is hostile in the way of a case. */
export interface Services {
  readonly servers: Readonly<Record<Dependency, Server>>;
  /** Every token that was issued. */
  readonly tokens: readonly string[];
  readonly turnHostile: () => void;
  readonly close: () => Promise<unknown>;
}

/** What the services of a case need; `askTable` answers for the table. */
export interface ServicesDeps {
  readonly clock: StageClock;
  readonly watch: Watch;
  readonly askTable: (sent: Sent) => Promise<Proper>;
}

/** The ports of all issuers so far. The table remembers an issuer's outage, so no two cases may have the same issuer. */
const issuers = new Set<number>();

/** Opens the three services of a case. */
export async function openServices({ kind, place }: Case, deps: ServicesDeps): Promise<Services> {
  const tokens: string[] = [];
  let isHostile = false;

  function open(dependency: Dependency, service: Service): Promise<Server> {
    const isZitadel = dependency === 'zitadel';
    const isStruck = () => isHostile && place.dependency === dependency;

    /** Tokens look like nothing else, and no two are alike. */
    function issue(): string {
      const seed = `${zitadel.port} ${tokens.length}`;
      const token = `tok_${createHash('sha256').update(seed).digest('base64url')}`;
      tokens.push(token);
      return token;
    }
    async function respond(sent: Sent): Promise<Scene> {
      if (dependency === 'dynamodb' && isHostile && place.isTableAway) return { steps: [RESET], isHostile: false };
      const isMarked = isStruck() && place.isMark(sent);
      const token = isZitadel ? issue() : '';
      const isMade = !isMarked || place.isWritten !== false || kind.means[place.scope] === 'answer';
      const proper = isMade ? await service(sent, token) : NOTHING;
      const steps = isMarked ? kind.play({ proper, sent, token }) : [say(answer(proper.status, proper))];
      return { steps, isHostile: isMarked };
    }
    function greet(): Scene | undefined {
      if (!isStruck() || !kind.greets) return undefined;
      return { steps: kind.play({ proper: NOTHING, sent: NO_REQUEST, token: '' }), isHostile: true };
    }
    function security(): Security | undefined {
      if (!isZitadel || !kind.isTls) return undefined;
      if (isHostile) noteStrike(deps.watch);
      return (isHostile && kind.security) || {};
    }
    return createServer({ ...deps, respond, greet, security });
  }

  let zitadel = await open('zitadel', zitadelAnswer);
  while (issuers.has(zitadel.port)) {
    await zitadel.close();
    zitadel = await open('zitadel', zitadelAnswer);
  }
  issuers.add(zitadel.port);
  const secrets = await open('secrets-manager', secretAnswer);
  const table = await open('dynamodb', deps.askTable);
  return {
    servers: { zitadel, 'secrets-manager': secrets, dynamodb: table },
    tokens,
    turnHostile: () => {
      isHostile = true;
    },
    close: () => Promise.all([zitadel, secrets, table].map((server) => server.close())),
  };
}
