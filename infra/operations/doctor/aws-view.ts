import type { Result } from '../../../lib/core/result.ts';
import type { EpochMs } from '../../../lib/core/time.ts';
import type { Credential } from '../../../lib/zitadel/credential.ts';
import type { Fact } from './finding.ts';

/** Where a stack is. */
export interface Place {
  readonly partition: string;
  readonly region: string;
  readonly account: string;
  readonly dnsSuffix: string;
}

export interface Route {
  /** Such as `POST /{profile}/oauth/v2/token`. */
  readonly key: string;
  /** `AWS_IAM` or `NONE`. */
  readonly authorisation: string;
}

export interface Func {
  readonly name: string;
  /** `Active`, or why it does not run. */
  readonly state: string;
  readonly runtime: string;
  /** The logical name of its role, or the name of a role outside the stack. */
  readonly role: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** An action and an ARN: `dynamodb:GetItem arn:aws:…`. */
export type Right = string;

export interface Role {
  /** Its logical name. */
  readonly id: string;
  /** Of its inline policies. */
  readonly rights: readonly Right[];
  /** The ARNs of policies that are attached to it. */
  readonly attached: readonly string[];
}

export interface Alarm {
  readonly name: string;
  readonly isEnabled: boolean;
  /** The ARNs of what it notifies. */
  readonly topics: readonly string[];
  /** `OK`, `ALARM` or `INSUFFICIENT_DATA`. */
  readonly state: string;
}

export interface Rule {
  /** Its logical name. */
  readonly id: string;
  /** Such as `rate(5 minutes)`; empty for a rule on events. */
  readonly schedule: string;
  readonly isEnabled: boolean;
  /** The ARNs of what it calls. */
  readonly targets: readonly string[];
}

export interface TokenTable {
  readonly name: string;
  readonly status: string;
  /** The attributes of its key. */
  readonly key: readonly string[];
  /** The attribute by which rows end, if they do. */
  readonly ttl: string | undefined;
  readonly isRecoverable: boolean;
  readonly isProtected: boolean;
  /** `ENABLED`, `DEFAULT`, or what is wrong with its KMS key. */
  readonly encryption: string;
}

/** What a stack consists of: as packaged here, or as deployed. */
export interface Structure {
  readonly routes: readonly Route[];
  readonly functions: readonly Func[];
  readonly roles: readonly Role[];
  readonly alarms: readonly Alarm[];
  readonly rules: readonly Rule[];
  readonly table: TokenTable | undefined;
}

export interface Stack {
  /** Such as `UPDATE_COMPLETE`. */
  readonly status: string;
  /** `IN_SYNC`, `DRIFTED`, `NOT_CHECKED` or `UNKNOWN`. */
  readonly drift: string;
  /** The base URL of the broker. */
  readonly url: string;
}

/** Who asks. */
export interface Identity extends Place {
  readonly arn: string;
}

/** What Secrets Manager says about a secret, without its value. */
export interface SecretState {
  readonly kind: 'there' | 'missing' | 'deleted';
  /** The labels of each version that has some. */
  readonly labels: readonly (readonly string[])[];
  /** Absent if it does not rotate. */
  readonly rotation?: {
    /** The ARN of the function. */
    readonly by: string;
    readonly days: number | undefined;
    readonly nextAt: EpochMs | undefined;
  };
}

/** The credential that each reference finds in a secret, or what is wrong with it. Values stay redacted. */
export type Credentials = ReadonlyMap<string, Result<Credential, string>>;

/** A secret as profiles name it, without `#member`. */
export interface SecretFacts {
  readonly name: string;
  readonly state: Fact<SecretState>;
  /** Absent if there is no such secret; the inner failure says why nobody can read it. */
  readonly value?: Fact<Result<Credentials, string>>;
}

export interface Topic {
  readonly arn: string;
  readonly confirmed: number;
  readonly pending: number;
}

/** How the broker answers without a signature. */
export interface Door {
  /** The status of an unsigned token request. */
  readonly unsignedStatus: number;
  /** The status of the public metadata, and the token endpoint in it. */
  readonly metadataStatus: number;
  readonly tokenEndpoint: string;
}

/** The facts of the group; what depends on a missing stack is absent. */
export interface AwsFacts {
  readonly identity: Fact<Identity>;
  /** How far the clock of this machine is ahead of AWS's. */
  readonly clockAheadMs?: number;
  /** `undefined`: it does not exist. */
  readonly stack?: Fact<Stack | undefined>;
  readonly routes?: Fact<readonly Route[]>;
  readonly functions?: Fact<readonly Func[]>;
  readonly roles?: Fact<readonly Role[]>;
  readonly alarms?: Fact<readonly Alarm[]>;
  readonly rules?: Fact<readonly Rule[]>;
  readonly table?: Fact<TokenTable>;
  readonly topics?: Fact<readonly Topic[]>;
  readonly door?: Fact<Door>;
  readonly secrets: readonly SecretFacts[];
}

/** Where the doctor reads what is deployed. Each answers once; a failure is a fact. */
export interface AwsView {
  readonly identity: () => Promise<Fact<Identity>>;
  /** Known after `identity`. */
  readonly clockAheadMs: () => number | undefined;
  readonly stack: () => Promise<Fact<Stack | undefined>>;
  readonly routes: () => Promise<Fact<readonly Route[]>>;
  readonly functions: () => Promise<Fact<readonly Func[]>>;
  readonly roles: () => Promise<Fact<readonly Role[]>>;
  readonly alarms: () => Promise<Fact<readonly Alarm[]>>;
  readonly rules: () => Promise<Fact<readonly Rule[]>>;
  readonly table: () => Promise<Fact<TokenTable>>;
  readonly topic: (arn: string) => Promise<Fact<Topic>>;
}
