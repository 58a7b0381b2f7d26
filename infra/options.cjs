// What is in the template only where an option is set.
module.exports = async ({ resolveVariable }) => {
  const tableKey = String(await resolveVariable('param:tableKmsKeyArn'));
  return {
    // Without a key of one's own: the AWS managed one.
    tableEncryption: {
      SSEEnabled: true,
      SSEType: 'KMS',
      ...(tableKey === '' ? {} : { KMSMasterKeyId: tableKey }),
    },
  };
};
