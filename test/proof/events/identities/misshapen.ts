import { ACCOUNT } from '../profiles.ts';
import { arnOf, arns, type IdentityKind, USUAL } from './kind.ts';

const STS = `arn:aws:sts::${ACCOUNT}:`;
const ARN = arnOf(USUAL);

/** Callers whose ARN is not that of a session of a role. */
export const MISSHAPEN = {
  'IAM user': arns(
    `arn:aws:iam::${ACCOUNT}:user/orders-service`,
    `arn:aws:iam::${ACCOUNT}:user/assumed-role/orders-service/i-0abc`,
  ),
  'federated user': arns(
    `${STS}federated-user/orders-service`,
    `${STS}federated-user/i-0abc`,
    `${STS}web-identity/orders-service/i-0abc`,
  ),
  root: arns(`arn:aws:iam::${ACCOUNT}:root`, `${STS}root`, `arn:aws:sts::${ACCOUNT}:self`),
  'role that nobody has assumed': arns(
    `arn:aws:iam::${ACCOUNT}:role/orders-service`,
    `${STS}role/orders-service/i-0abc`,
    `${STS}assumed-role/orders-service`,
  ),
  'path in the role': arns(
    `${STS}assumed-role/team/orders-service/i-0abc`,
    `${STS}assumed-role//orders-service/i-0abc`,
    `${STS}assumed-role/orders-service//i-0abc`,
    `${STS}assumed-role/orders-service/x/i-0abc`,
    `${STS}assumed-role/../orders-service/i-0abc`,
    `${STS}assumed-role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS/i-0abc`,
  ),
  'slash at an end': arns(
    `${ARN}/`,
    `${STS}/assumed-role/orders-service/i-0abc`,
    `${STS}assumed-role/orders-service/`,
    `${STS}assumed-role//i-0abc`,
  ),
  'ARN of another service': arns(
    `arn:aws:iam::${ACCOUNT}:assumed-role/orders-service/i-0abc`,
    `arn:aws:s3::${ACCOUNT}:assumed-role/orders-service/i-0abc`,
    `arn:aws:STS::${ACCOUNT}:assumed-role/orders-service/i-0abc`,
    `arn:aws:::${ACCOUNT}:assumed-role/orders-service/i-0abc`,
  ),
  'ARN with a region': arns(
    `arn:aws:sts:eu-central-1:${ACCOUNT}:assumed-role/orders-service/i-0abc`,
    `arn:aws:sts: :${ACCOUNT}:assumed-role/orders-service/i-0abc`,
  ),
  'ARN with more or less in it': arns(
    `${ARN}:x`,
    `x:${ARN}`,
    `${ARN}:`,
    ARN.slice(4),
    `arn:${ARN}`,
    `${ARN},${ARN}`,
    `${ARN} ${ARN}`,
    ARN.replace('::', ':'),
  ),
  'ARN in other letters': arns(
    ARN.toUpperCase(),
    ARN.replace('arn', 'Arn'),
    ARN.replace('assumed-role', 'Assumed-Role'),
    ARN.replace('assumed-role', 'assumedrole'),
  ),
  'look-alike letter': arns(
    ARN.replace('orders', 'оrders'),
    ARN.replace('orders', 'orderѕ'),
    ARN.replace('-service', '‑service'),
    ARN.replace('i-0abc', 'i-0аbc'),
    ARN.replace('assumed', 'аssumed'),
    ARN.replaceAll(':', '：'),
    ARN.replaceAll('/', '⁄'),
  ),
  'invisible character': arns(
    `${ARN}\n`,
    ` ${ARN}`,
    `${ARN} `,
    `\ufeff${ARN}`,
    ARN.replace('orders', 'orders\0'),
    ARN.replace('orders', 'orders\u200b'),
    ARN.replace('orders', '\u202eorders'),
    `${ARN}\u2028`,
    `${ARN}\0`,
    ARN.replace('service', 'ser\rvice'),
  ),
  'lone surrogate': arns(`${ARN}\ud800`, ARN.replace('orders', 'orders\udfff'), `\udc00${ARN}`),
  'escaped character': arns(
    ARN.replace('-', '%2D'),
    ARN.replaceAll('/', '%2F'),
    `${ARN}%00`,
    ARN.replaceAll(':', '%3A'),
  ),
} as const satisfies Readonly<Record<string, IdentityKind>>;
