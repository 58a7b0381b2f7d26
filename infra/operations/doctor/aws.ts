import { type Profile, secretUses } from '../../../lib/broker/profiles/profile.ts';
import { ok } from '../../../lib/core/result.ts';
import type { Send } from '../../../lib/oauth/transport.ts';
import type { Deployment } from '../deployment.ts';
import type { Alarm, AwsFacts, AwsView, Topic } from './aws-view.ts';
import { knock } from './door.ts';
import type { Fact } from './finding.ts';
import { readSecrets } from './secrets.ts';

/** The topics that the alarms notify, each once. */
async function readTopics(view: AwsView, alarms: Fact<readonly Alarm[]>): Promise<Fact<readonly Topic[]> | undefined> {
  const arns = new Set(alarms.ok ? alarms.value.flatMap(({ topics }) => topics) : []);
  if (arns.size === 0) return undefined;
  const topics: Topic[] = [];
  for (const arn of arns) {
    const topic = await view.topic(arn);
    if (!topic.ok) return topic;
    topics.push(topic.value);
  }
  return ok(topics);
}

/** Reads everything that the checks of AWS judge, once. Without an identity, or without a stack, little is asked. */
export async function gatherAws(
  view: AwsView,
  deployment: Deployment,
  { chosen, send }: { readonly chosen: readonly Profile[]; readonly send: Send },
): Promise<AwsFacts> {
  const identity = await view.identity();
  if (!identity.ok) return { identity, secrets: [] };
  const clockAheadMs = view.clockAheadMs();
  const shared = { identity, ...(clockAheadMs === undefined ? {} : { clockAheadMs }) };
  const [stack, secrets] = await Promise.all([view.stack(), readSecrets(deployment, chosen.flatMap(secretUses))]);
  if (!stack.ok || stack.value === undefined) return { ...shared, stack, secrets };
  const [routes, functions, roles, alarms, rules, table] = await Promise.all([
    view.routes(),
    view.functions(),
    view.roles(),
    view.alarms(),
    view.rules(),
    view.table(),
  ]);
  const topics = await readTopics(view, alarms);
  const door = await knock(stack.value.url, chosen[0]?.name ?? '', send);
  return {
    ...shared,
    stack,
    secrets,
    routes,
    functions,
    roles,
    alarms,
    rules,
    table,
    door,
    ...(topics === undefined ? {} : { topics }),
  };
}
