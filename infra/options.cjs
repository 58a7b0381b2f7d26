// The parts of the template that depend on options.
module.exports = async ({ resolveVariable }) => {
  const tableKey = String(await resolveVariable('param:tableKmsKeyArn'));
  return {
    // Without a customer managed key: the AWS managed key.
    tableEncryption: {
      SSEEnabled: true,
      SSEType: 'KMS',
      ...(tableKey === '' ? {} : { KMSMasterKeyId: tableKey }),
    },
  };
};
