import type { Principal } from '../../infra/local/gateway/sigv4.ts';

/** The caller that test profiles list. */
export const caller: Principal = {
  accessKeyId: 'AKIAORDERSSERVICE000',
  secretAccessKey: 'v7Kq2mXr9TzLwP4sYb8NcJ5hGd3FfQ6uEa1RkVxM',
  userArn: 'arn:aws:sts::123456789012:assumed-role/orders-service/i-0abc',
  callerId: 'AROAEXAMPLEEXAMPLE000:i-0abc',
};

/** A caller that no test profile lists. */
export const stranger: Principal = {
  accessKeyId: 'AKIASTRANGER00000000',
  secretAccessKey: 'Hn3WgT8yRq5ZpL1xVc7BmK4jDf9SsA2eUo6NiYtE',
  userArn: 'arn:aws:sts::123456789012:assumed-role/somebody-else/i-0def',
  callerId: 'AROAEXAMPLEEXAMPLE001:i-0def',
};
