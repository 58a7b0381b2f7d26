'use strict';

// Runs a bundle's handler as often as it is told to, and says what that has cost.

const { handler } = require(process.argv[2]);
const context = { getRemainingTimeInMillis: () => 15000, awsRequestId: 'bench', functionName: 'bench' };

process.on('message', async ({ event, calls }) => {
  const text = JSON.stringify(event);
  const events = Array.from({ length: calls }, () => JSON.parse(text));
  const before = process.cpuUsage();
  let answer;
  for (const one of events) answer = await handler(one, context);
  const { user, system } = process.cpuUsage(before);
  process.send({ cpuUs: (user + system) / calls, statusCode: answer.statusCode });
});
