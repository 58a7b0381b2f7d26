// What an account already has that a deployment would meet. Asked only when something is deployed, since only then are there
// credentials.

/** As many names as one reads. */
const SHOWN = 20;

/** All pages of a list. @param {(token?: string) => Promise<{ items: string[], next?: string }>} page */
async function all(page) {
  const items = [];
  let next;
  do {
    const answer = await page(next);
    items.push(...answer.items);
    next = answer.next;
  } while (next !== undefined);
  return items;
}

/**
 * The log groups of a template that exist and are not of the stack: CloudFormation would fail to create them.
 * @param {object} template
 * @param {string[]} existing names of log groups in the account
 * @param {string[]} ofStack names of the log groups that the stack has
 * @returns {string[]} logical names
 */
const foreignLogGroups = (template, existing, ofStack) =>
  Object.entries(template.Resources).flatMap(([id, { Type, Properties }]) => {
    const name = Properties?.LogGroupName;
    return Type === 'AWS::Logs::LogGroup' && existing.includes(name) && !ofStack.includes(name) ? [id] : [];
  });

/** The sentence on secrets that a prefix opens besides those that profiles name; none if there are none. */
function besides(prefix, existing, named) {
  const others = existing.filter((secret) => secret.startsWith(prefix) && !named.includes(secret)).sort();
  if (others.length === 0) return [];
  const rest = others.length > SHOWN ? ` and ${others.length - SHOWN} more` : '';
  return [`secretsPrefix also opens ${others.slice(0, SHOWN).join(', ')}${rest}, which no profile names.`];
}

/** Asks AWS, with the clients that come with osls. */
function createAccount(config) {
  const { CloudFormationClient, ListStackResourcesCommand } = require('@aws-sdk/client-cloudformation');
  const { CloudWatchLogsClient, DescribeLogGroupsCommand } = require('@aws-sdk/client-cloudwatch-logs');
  const { SecretsManagerClient, ListSecretsCommand } = require('@aws-sdk/client-secrets-manager');
  const stacks = new CloudFormationClient(config);
  const logs = new CloudWatchLogsClient(config);
  const secrets = new SecretsManagerClient(config);
  return {
    logGroups: (logGroupNamePrefix) =>
      all(async (nextToken) => {
        const answer = await logs.send(new DescribeLogGroupsCommand({ logGroupNamePrefix, nextToken }));
        return { items: answer.logGroups.map(({ logGroupName }) => logGroupName), next: answer.nextToken };
      }),
    /** Empty if there is no stack. */
    stackResources: async (StackName) => {
      try {
        return await all(async (NextToken) => {
          const answer = await stacks.send(new ListStackResourcesCommand({ StackName, NextToken }));
          return {
            items: answer.StackResourceSummaries.map(({ PhysicalResourceId }) => PhysicalResourceId ?? ''),
            next: answer.NextToken,
          };
        });
      } catch (error) {
        if (error.name === 'ValidationError') return [];
        throw error;
      }
    },
    secrets: (prefix) =>
      all(async (NextToken) => {
        const Filters = [{ Key: 'name', Values: [prefix] }];
        const answer = await secrets.send(new ListSecretsCommand({ Filters, NextToken }));
        return { items: answer.SecretList.map(({ Name }) => Name), next: answer.NextToken };
      }),
  };
}

module.exports = { besides, createAccount, foreignLogGroups };
