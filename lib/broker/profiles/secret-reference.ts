/** Where a credential is: a secret in AWS Secrets Manager, or one member of it. */
export interface SecretReference {
  /** The name, or the full ARN. */
  readonly name: string;
  /** The member of its JSON that holds the credential: teams keep several in one secret, as each secret has a price. */
  readonly member?: string;
}

const NAME = /^[\w/+=.@-]{1,512}$/;
const ARN = /^arn:(aws(?:-[a-z]+)*):secretsmanager:([a-z0-9-]+):(\d{12}):secret:[\w/+=.@-]+-[A-Za-z0-9]{6}$/;
const MEMBER = /^[\w/+=.@ -]{1,128}$/;

/** Splits `NAME#MEMBER` or `ARN#MEMBER`. */
export function splitSecret(reference: string): SecretReference {
  const [name = '', member] = reference.split('#', 2);
  return { name, ...(member === undefined ? {} : { member }) };
}

/** The partition, region and account in an ARN; `undefined` for a name. */
export function placeOf(reference: string): { partition: string; region: string; account: string } | undefined {
  const [, partition, region, account] = ARN.exec(splitSecret(reference).name) ?? [];
  return partition && region && account ? { partition, region, account } : undefined;
}

/** The name in an ARN, without the six characters at its end; any other text as it is. */
export const nameInArn = (arn: string): string => arn.replace(/^arn:(?:[^:]*:){5}(.+)-[A-Za-z0-9]{6}$/, '$1');

/** The name of the secret, by which references in either form, or to members, are to the same one. */
export const secretName = (reference: string): string => nameInArn(splitSecret(reference).name);

/** Whether two references, each by name or ARN, are to one secret. */
export const isSameSecret = (one: string, other: string): boolean => secretName(one) === secretName(other);

/** Whether a reference, by name or ARN, is to the secret with this ARN. */
export function isSecretOf(reference: string, arn: string): boolean {
  const { name } = splitSecret(reference);
  return name === arn || name === nameInArn(arn);
}

/** What is wrong with a reference, or `undefined`. */
export function checkSecretReference(value: unknown): string | undefined {
  const text = typeof value === 'string' ? value : '';
  const { name, member } = splitSecret(text);
  const isWhole = text.split('#').length <= 2 && (member === undefined || MEMBER.test(member));
  if (isWhole && (ARN.test(name) || (NAME.test(name) && !name.startsWith('arn:')))) return undefined;
  if (name.startsWith('arn:') && isWhole)
    return 'must be the full ARN of a secret, with the six characters at the end that Secrets Manager adds to the name';
  return 'must be the name of a secret in AWS Secrets Manager, or its full ARN with the six characters at the end; #MEMBER after it names one member of its JSON';
}
