'use strict';

// Runs a bundle's handler as often as it is told to, and answers what that has cost. Between two calls the loop turns,
// as in Lambda: otherwise no line would be written before the last call.

const { setImmediate: turn } = require('node:timers/promises');

const context = { getRemainingTimeInMillis: () => 15000, awsRequestId: 'bench', functionName: 'bench' };

/** Few: what is kept for later would be moved about by each collection of garbage, at the handler's cost. */
const EVENTS = 50;

process.on('message', async ({ args: [bundle, event, calls] }) => {
  const { handler } = require(bundle);
  const text = JSON.stringify(event);
  const events = Array.from({ length: EVENTS }, () => JSON.parse(text));
  const before = process.cpuUsage();
  let answer;
  for (let call = 0; call < calls; call += 1) {
    answer = await handler(events[call % EVENTS], context);
    await turn();
  }
  const { user, system } = process.cpuUsage(before);
  if (answer.statusCode !== 200) throw new Error(`a warm call was answered ${answer.statusCode}`);
  // Only when all that was logged has left this process, since the parent may end it then.
  process.stdout.write('', () => process.send((user + system) / calls));
});
