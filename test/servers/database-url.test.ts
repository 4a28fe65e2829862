// Each connection to PostgreSQL is as its URL says, with TLS too; a certificate that is not trusted ends the start.

import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { describeWithServers } from '../support/describe-with-servers.js';
import { member } from '../support/people.js';
import { runCommand, select, startApi } from '../support/processes.js';
import { type PostgresServer, sharedPostgres, startPostgres } from '../support/servers/postgres.js';

/** In the server's folder, where its settings look for them. */
const CERTIFICATE =
  'openssl req -x509 -nodes -newkey rsa:2048 -days 2 -subj /CN=localhost -keyout server.key -out server.crt && chmod 600 server.key';

describeWithServers(['postgres'], 'a URL of the database', () => {
  let postgres: PostgresServer;
  let database: string;
  let rootCertificate: string;

  beforeAll(async () => {
    postgres = await startPostgres();
    await select(postgres.url, `copy (select '') to program '${CERTIFICATE}'`);
    await select(postgres.url, 'alter system set ssl = on');
    await postgres.restart();
    database = await postgres.createDatabase();
    const [{ data_directory: folder }] = await select(postgres.url, 'show data_directory');
    rootCertificate = `${folder}/server.crt`;
  });
  afterAll(async () => {
    await postgres?.stop();
  });

  /** Of all connections but the one that asks, whether they have TLS. */
  const encrypted = async (): Promise<boolean[]> => {
    const rows = await select(
      database,
      `select ssl from pg_stat_ssl join pg_stat_activity using (pid)
       where datname = current_database() and pid <> pg_backend_pid()`,
    );
    return rows.map(({ ssl }) => ssl);
  };

  test('with sslmode has TLS on each connection', async () => {
    await using api = await startApi({
      DATABASE_URL: `${database}?sslmode=verify-full&sslrootcert=${rootCertificate}`,
    });
    await Promise.all(Array.from({ length: 5 }, () => member(api)));

    const connections = await encrypted();
    expect(connections.length).toBeGreaterThan(1);
    expect(connections).not.toContain(false);
  });

  test.each(['dist/src/main.js', 'dist/consumer/main.js', 'dist/src/commands/migrate.js'])(
    'with sslmode and a certificate that is not trusted ends %s in one line',
    async (script) => {
      const { code, output } = await runCommand(script, [], {
        DATABASE_URL: `${database}?sslmode=verify-full`,
        AMQP_URL: 'amqp://127.0.0.1:1',
      });

      expect([code, output.trim().split('\n')]).toEqual([
        1,
        [expect.stringMatching(/DATABASE_URL leads to a server whose certificate is not trusted \(DEPTH_ZERO_\w+\)/)],
      ]);
    },
  );

  test('with sslmode and a server without TLS is refused', async () => {
    const plain = await (await sharedPostgres()).createDatabase();

    const { code, output } = await runCommand('dist/src/commands/migrate.js', [], {
      DATABASE_URL: `${plain}?sslmode=require`,
    });

    expect([code, output]).toEqual([1, expect.stringContaining('DATABASE_URL leads to a server without TLS')]);
  });

  test('may have an address of IPv6', async () => {
    const { port, pathname } = new URL(database);

    await using api = await startApi({ DATABASE_URL: `postgres://test@[::ffff:127.0.0.1]:${port}${pathname}` });

    expect((await api.ask('{ __typename }')).data).toEqual({ __typename: 'Query' });
  });
});
