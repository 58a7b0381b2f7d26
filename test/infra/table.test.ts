import { connect } from 'node:net';
import {
  ConditionalCheckFailedException,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTable, type Table } from '../../infra/local/table.ts';

const TableName = 'broker-tokens';

let table: Table;
let client: DynamoDBClient;

beforeAll(async () => {
  table = await createTable({ tableName: TableName });
  client = new DynamoDBClient({
    endpoint: table.url,
    region: 'eu-central-1',
    credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' },
  });
});

afterAll(async () => {
  client.destroy();
  await table.close();
});

const put = (pk: string) =>
  client.send(new PutItemCommand({ TableName, Item: { pk: { S: pk }, sealed: { S: 'v1' } } }));
const get = (pk: string) =>
  client.send(new GetItemCommand({ TableName, Key: { pk: { S: pk } }, ConsistentRead: true }));
const lease = (pk: string, owner: string) =>
  client.send(
    new UpdateItemCommand({
      TableName,
      Key: { pk: { S: pk } },
      UpdateExpression: 'SET #owner = :owner ADD generation :one',
      ConditionExpression: 'attribute_not_exists(#owner)',
      ExpressionAttributeNames: { '#owner': 'owner' },
      ExpressionAttributeValues: { ':owner': { S: owner }, ':one': { N: '1' } },
      ReturnValues: 'ALL_NEW',
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    }),
  );

describe('the local table', () => {
  it('is there at once, and setting it up does not count as a call', async () => {
    const another = await createTable({ tableName: 'another' });
    expect(another.calls()).toBe(0);
    expect(another.tableName).toBe('another');
    await another.close();
    await expect(fetch(another.url)).rejects.toThrow();
  });

  it('puts and gets items', async () => {
    await put('put-get');
    expect((await get('put-get')).Item).toEqual({ pk: { S: 'put-get' }, sealed: { S: 'v1' } });
    expect((await get('nothing')).Item).toBeUndefined();
  });

  it('updates on a condition, and refuses the second owner', async () => {
    expect((await lease('lease', 'a')).Attributes).toEqual({
      pk: { S: 'lease' },
      owner: { S: 'a' },
      generation: { N: '1' },
    });
    await expect(lease('lease', 'b')).rejects.toBeInstanceOf(ConditionalCheckFailedException);
    expect((await get('lease')).Item?.owner).toEqual({ S: 'a' });
  });

  it('lets one of many racing owners win', async () => {
    const settled = await Promise.allSettled(Array.from({ length: 10 }, (_, i) => lease('race', `owner-${i}`)));
    expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  it('counts calls, by operation too', async () => {
    const before = { all: table.calls(), gets: table.calls('GetItem'), updates: table.calls('UpdateItem') };
    await get('counted');
    expect(table.calls()).toBe(before.all + 1);
    expect(table.calls('GetItem')).toBe(before.gets + 1);
    expect(table.calls('UpdateItem')).toBe(before.updates);
  });

  it('plays faults, which count as calls', async () => {
    const before = table.calls('GetItem');
    table.intercept((_req, res) => {
      res.writeHead(400, { 'content-type': 'application/x-amz-json-1.0' });
      res.end(
        JSON.stringify({ __type: 'com.amazonaws.dynamodb.v20120810#ResourceNotFoundException', message: 'gone' }),
      );
      return true;
    });
    await expect(get('faulty')).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
    expect(table.calls('GetItem')).toBe(before + 1);
    table.intercept(undefined);
    expect((await get('faulty')).$metadata.httpStatusCode).toBe(200);
  });

  it('survives clients that hang up in the middle of a request', async () => {
    const socket = connect(table.port, '127.0.0.1');
    const arrived = table.calls();
    socket.write('POST / HTTP/1.1\r\nhost: local\r\ncontent-length: 100\r\n\r\n{"TableName"');
    await expect.poll(table.calls, { interval: 5 }).toBe(arrived + 1);
    socket.destroy();
    expect((await get('alive')).$metadata.httpStatusCode).toBe(200);
  });

  it('refuses a taken port', async () => {
    await expect(createTable({ tableName: 'another', port: table.port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  it('refuses what is no name of a table', async () => {
    await expect(createTable({ tableName: '!' })).rejects.toThrow('ValidationException');
  });
});
