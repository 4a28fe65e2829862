// Order, search and pages do not depend on the collation of the database; databases with several collations are read.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { describeWithServers } from '../support/describe-with-servers.js';
import { eventually } from '../support/eventually.js';
import { temporaryFolder } from '../support/once-per-run.js';
import { member, signIn } from '../support/people.js';
import { type ApiProcess, runCommand, startApi } from '../support/processes.js';
import { type SharedPostgres, sharedPostgres } from '../support/servers/postgres.js';

const USERS = `query ($first: Int, $after: String, $last: Int, $before: String, $filter: UserFilter, $orderBy: UserOrder) {
  users(first: $first, after: $after, last: $last, before: $before, filter: $filter, orderBy: $orderBy) {
    nodes { name email } pageInfo { endCursor hasNextPage startCursor hasPreviousPage }
  }
}`;

/** In the order of names. */
const NAMES = [
  '100%',
  'Ábel',
  'abel B',
  'Admin',
  'cafe\u0301',
  'Émile',
  'ｆｕｌｌ',
  'İpek',
  'IPEK B',
  'ırmak',
  'Lukas',
  'Łukasz',
  'odd',
  'Ødegård',
  'straße',
  'STRASSEN',
  'Zoe',
  'ZOË B',
  'Ιωάννης',
  'ΙΩΆΝΝΗΣ Β',
  'Иван',
  '李',
  '김',
];
/** In the order of addresses; the admin of development comes among them. */
const EMAILS = ['a+c', 'a-b', 'a.d', 'a1', 'a_a', 'aa', 'admin', 'ae', 'b', 'i', 'z'].map(
  (local) => `${local}@example.com`,
);

const SEARCHES: [string, string[]][] = [
  [' zoë\u00a0', ['Zoe', 'ZOË B']],
  ['ZOE\u0308', ['Zoe', 'ZOË B']],
  ['\u200bｚｏｅ  b', ['ZOË B']],
  ['STRASSE', ['straße', 'STRASSEN']],
  ['straẞe', ['straße', 'STRASSEN']],
  ['ipek', ['İpek', 'IPEK B']],
  ['İPEK', ['İpek', 'IPEK B']],
  ['IRMAK', ['ırmak']],
  ['lukas', ['Lukas', 'Łukasz']],
  ['ŁUKASZ', ['Łukasz']],
  ['odegard', ['Ødegård']],
  ['ιωαννης', ['Ιωάννης', 'ΙΩΆΝΝΗΣ Β']],
  ['ΙΩΑΝΝΗΣ', ['Ιωάννης', 'ΙΩΆΝΝΗΣ Β']],
  ['ИВАН', ['Иван']],
  ['full', ['ｆｕｌｌ']],
  ['CAFÉ', ['cafe\u0301']],
  ['\u1100\u1175\u11b7', ['김']],
  ['%', ['100%']],
  [' \u3000', NAMES],
];

const orderBy = (field: string, direction: string) => ({ field, direction });

describeWithServers(['postgres'], 'order and search of users', () => {
  let postgres: SharedPostgres;
  let folder: string;
  let apis: ApiProcess[] = [];
  beforeAll(async () => {
    folder = temporaryFolder();
    postgres = await sharedPostgres();
    const databases = [undefined, 'tr-TR', 'sv-SE', 'en-US-u-kn-true'].map((locale) => postgres.createDatabase(locale));
    const urls = await Promise.all(databases);
    apis = await Promise.all([startApi({}), ...urls.map((DATABASE_URL) => startApi({ DATABASE_URL }))]);
    const [embedded, ...others] = apis as [ApiProcess, ...ApiProcess[]];
    await addAll(embedded);
    // The second half by the import, which must make the same keys.
    for (const [index, api] of others.entries()) await addAll(api, urls[index]);
  });

  afterAll(async () => {
    for (const api of apis) await api.stop();
  });

  async function addAll(api: ApiProcess, importInto?: string): Promise<void> {
    const emails = EMAILS.filter((email) => !email.startsWith('admin'));
    const people = NAMES.filter((name) => name !== 'Admin').map((name, index) => ({
      name,
      // Whoever has none of the table has one behind it.
      email: emails[index] ?? `zz${index}@example.com`,
    }));
    const registered = importInto ? people.slice(0, 10) : people;
    for (const { email, name } of registered) await member(api, { email, name });
    if (!importInto) return;
    const path = join(folder, `${new URL(importInto).pathname.slice(1)}.jsonl`);
    const passwordHash = `$2b$10$${'a'.repeat(21)}O${'a'.repeat(30)}C`;
    writeFileSync(
      path,
      people
        .slice(10)
        .map((person) => JSON.stringify({ ...person, passwordHash }))
        .join('\n'),
    );
    const { output } = await runCommand('dist/src/commands/users-import.js', [path], { DATABASE_URL: importInto });
    expect(output).toMatch(/refused: 0/);
  }

  async function everywhere<T>(read: (list: (variables: object) => Promise<Page>) => Promise<T>): Promise<T[]> {
    const answers: T[] = [];
    for (const api of apis) {
      const { token } = await signIn(api);
      answers.push(await read(async (variables) => (await api.ask(USERS, { ...variables }, token)).data.users));
    }
    return answers;
  }

  const same = <T>(answer: T): T[] => apis.map(() => answer);
  const names = ({ nodes }: Page) => nodes.map(({ name }) => name);

  test('is that of the names without case and accents, whatever the collation of the database', async () => {
    await eventually(async () => {
      expect(
        await everywhere(async (list) => names(await list({ first: 100, orderBy: orderBy('NAME', 'ASC') }))),
      ).toEqual(same(NAMES.map((name) => name.normalize('NFC'))));
    });
  });

  test('is that of the bytes of addresses, whatever the collation of the database', async () => {
    const emails = await everywhere(async (list) =>
      (await list({ first: EMAILS.length, orderBy: orderBy('EMAIL', 'ASC') })).nodes.map(({ email }) => email),
    );

    expect(emails).toEqual(same(EMAILS));
  });

  test('is walked by cursors, once past everybody, forwards and backwards', async () => {
    const walked = await everywhere(async (list) => {
      const forwards: string[] = [];
      for (let after: string | null = null, more = true; more; ) {
        const page = await list({ first: 2, after, orderBy: orderBy('NAME', 'ASC') });
        forwards.push(...names(page));
        ({ endCursor: after, hasNextPage: more } = page.pageInfo);
      }
      const backwards: string[] = [];
      for (let before: string | null = null, more = true; more; ) {
        const page = await list({ last: 3, before, orderBy: orderBy('NAME', 'DESC') });
        backwards.push(...names(page).reverse());
        ({ startCursor: before, hasPreviousPage: more } = page.pageInfo);
      }
      return [forwards, backwards];
    });

    const all = NAMES.map((name) => name.normalize('NFC'));
    expect(walked).toEqual(same([all, all]));
  });

  test.each(SEARCHES)(
    'finds by %j in every spelling, whatever the collation of the database',
    async (search, found) => {
      const hits = await everywhere(async (list) =>
        names(await list({ first: 100, filter: { search }, orderBy: orderBy('NAME', 'ASC') })),
      );

      expect(hits).toEqual(same(found.map((name) => name.normalize('NFC'))));
    },
  );
});

interface Page {
  nodes: { name: string; email: string }[];
  pageInfo: { endCursor: string | null; hasNextPage: boolean; startCursor: string | null; hasPreviousPage: boolean };
}
