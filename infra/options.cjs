// What is in the template only where an option is set.
module.exports = async ({ resolveVariable }) => {
  const option = async (name) => String(await resolveVariable(`param:${name}`));
  const topic = await option('alarmTopicArn');
  const tableKey = await option('tableKmsKeyArn');
  return {
    alarmTopics: topic === '' ? [] : [topic],
    // Without a key of one's own: the AWS managed one.
    tableEncryption: {
      SSEEnabled: true,
      SSEType: 'KMS',
      ...(tableKey === '' ? {} : { KMSMasterKeyId: tableKey }),
    },
  };
};
