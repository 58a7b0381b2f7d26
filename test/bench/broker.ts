import { createStack, type StackOptions } from '../../infra/local/stack.ts';
import { caller } from '../support/principals.ts';
import { profilesOf } from '../support/profiles.ts';
import { ordersProfile, SECRET } from './setting.ts';

/** Starts the broker with the profile `orders`, behind a gateway that knows `caller`; `options` go to the stack. */
export const startBroker = (issuer: string, options: Partial<StackOptions> = {}) =>
  createStack({
    profiles: profilesOf(ordersProfile(issuer)),
    secrets: { orders: SECRET },
    principals: [caller],
    write: (line) => void process.stdout.write(`${line}\n`),
    onError: (error) => process.stderr.write(`${String(error)}\n`),
    ...options,
  });
