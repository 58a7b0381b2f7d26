// Explicit log groups, so that they have a retention and the functions need no permission to create them.
const readParameters = require('./parameters.cjs');
const { title } = require('./statements.cjs');

/** Who got, introspected or revoked which token: they stay when the stack is removed. */
const AUDIT = ['token', 'introspect', 'revoke', 'federated', 'access'];

/** A stack that could not be made leaves nothing behind: its next attempt would find a group of that name. */
const KEPT = { DeletionPolicy: 'RetainExceptOnCreate', UpdateReplacePolicy: 'Retain' };

const METADATA = {
  checkov: {
    skip: [
      {
        id: 'CKV_AWS_158',
        comment: 'CloudWatch Logs encrypts with its own key; no line holds a token, secret or assertion.',
      },
    ],
  },
};

module.exports = async (context) => {
  const { values, place } = await readParameters(context);
  const { prefix } = place;
  const group = (name) => [
    `${title(name)}Logs`,
    {
      Type: 'AWS::Logs::LogGroup',
      ...(AUDIT.includes(name) ? KEPT : {}),
      Metadata: METADATA,
      Properties: {
        LogGroupName: name === 'access' ? `/aws/http-api/${prefix}` : `/aws/lambda/${prefix}-${name}`,
        RetentionInDays: Number(values.logRetentionDays),
      },
    },
  ];
  return { Resources: Object.fromEntries(readParameters.logGroups().map(group)) };
};
