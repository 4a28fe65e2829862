// Each fault on the way of a deletion, at its place: the process is killed there, or what it needs is away. Whatever it is,
// nothing is lost, invented or done twice. `npm run chaos:sabotage` shows that each of these can fail.

import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { CELLS, type CellName, type CellWorld, runCell } from '../../chaos/cells.js';
import { build } from '../support/build.js';
import { describeWithServers } from '../support/describe-with-servers.js';
import { type PostgresServer, startPostgres } from '../support/servers/postgres.js';
import { type RabbitServer, startRabbit } from '../support/servers/rabbit.js';
import { TestSmtpServer } from '../support/smtp.js';

describeWithServers(['postgres', 'rabbitmq'], 'a deletion', () => {
  let world: CellWorld;
  let rabbit: RabbitServer;
  let postgres: PostgresServer;

  beforeAll(async () => {
    build();
    const smtp = await TestSmtpServer.create();
    [postgres, rabbit] = await Promise.all([startPostgres({ durable: true }), startRabbit()]);
    await smtp.listen();
    world = { postgres, rabbit, smtp };
  });

  afterAll(async () => {
    await world?.smtp.close();
    await Promise.all([rabbit?.stop(), postgres?.stop()]);
  });

  test.each(Object.keys(CELLS) as CellName[])('with the %s has each effect once', async (name) => {
    expect(await runCell(world, name)).toEqual([]);
  });
});
