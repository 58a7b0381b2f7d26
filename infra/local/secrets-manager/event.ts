import { randomUUID } from 'node:crypto';

/** The event that EventBridge delivers when a staging label moves. It needs no trail of CloudTrail. */
export interface LabelEvent {
  readonly version: '0';
  readonly id: string;
  readonly 'detail-type': 'Secret Label Updated';
  readonly source: 'aws.secretsmanager';
  readonly account: string;
  /** ISO 8601 without fractions of a second. */
  readonly time: string;
  readonly region: string;
  /** The secret's full ARN. */
  readonly resources: readonly [string];
  readonly detail: { readonly name: string; readonly labelUpdated: string; readonly versionId: string };
}

/** What an event says about its secret: the label `labelUpdated` is on the version `versionId` now. */
export interface LabelMove {
  readonly arn: string;
  readonly name: string;
  readonly labelUpdated: string;
  readonly versionId: string;
}

/** Creates the event at `nowMs`. */
export function createLabelEvent(
  { arn, name, labelUpdated, versionId }: LabelMove,
  { account, region, nowMs }: { account: string; region: string; nowMs: number },
): LabelEvent {
  return {
    version: '0',
    id: randomUUID(),
    'detail-type': 'Secret Label Updated',
    source: 'aws.secretsmanager',
    account,
    time: `${new Date(nowMs).toISOString().slice(0, -'.000Z'.length)}Z`,
    region,
    resources: [arn],
    detail: { name, labelUpdated, versionId },
  };
}
