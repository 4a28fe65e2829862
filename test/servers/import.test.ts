// An import takes each good line once and undoes nothing; files are imported and repeated, on PostgreSQL and the embedded
// database.

import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { hash } from 'bcrypt';
import { describeWithServers } from '../support/describe-with-servers.js';
import { eventually } from '../support/eventually.js';
import { announcedOnce, fileOf, IMPORT, importInto, lines, row, someHash } from '../support/imports.js';
import { temporaryFolder } from '../support/once-per-run.js';
import { codes, DELETE_USER, LOGIN, member, PASSWORD, signIn } from '../support/people.js';
import { type ApiProcess, drained, runCommand, select, startApi } from '../support/processes.js';
import { type SharedPostgres, sharedPostgres } from '../support/servers/postgres.js';
import { startRedis, withRedis } from '../support/servers/redis.js';

const USERS = 'query { users { totalCount } }';

let bcryptHash: string;

beforeAll(async () => {
  bcryptHash = await hash(PASSWORD, 4);
});

describeWithServers(['postgres'], 'npm run users:import', () => {
  let postgres: SharedPostgres;
  let database: string;
  let api: ApiProcess;

  beforeAll(async () => {
    postgres = await sharedPostgres();
    database = await postgres.createDatabase();
    api = await startApi({ DATABASE_URL: database });
  });

  afterAll(async () => {
    await api?.kill();
  });

  const importing = (content: string | Buffer) => importInto(database, content);
  const login = (email: string, password = PASSWORD) => api.ask(LOGIN, { input: { email, password } });
  const stored = (email: string) => select(database, 'select * from users where email = $1', [email]);

  test('good lines are kept with all that they say, and each bad one is told by its number', async () => {
    const [plain, full] = [row(), row({ role: 'ADMIN', isActive: false, createdAt: '2019-03-04T05:06:07.891+02:00' })];
    const long = row({ name: 'x'.repeat(10_000) });
    const bad: [unknown, string][] = [
      ['{"email": "canary@example.com"', 'is not a JSON object'],
      ['["canary"]', 'is not a JSON object'],
      ['null', 'is not a JSON object'],
      [row({ email: 'canary' }), 'email must be an e-mail address of at most 254 characters'],
      [row({ name: ' ' }), 'name must be a text of 1 to 100 characters without control characters'],
      [row({ name: 'canary\u0000' }), 'name must be a text of 1 to 100 characters without control characters'],
      [row({ name: 'canary\ud800' }), 'name must be a text of 1 to 100 characters without control characters'],
      [row({ name: '\u200b\u3164' }), 'name must have a visible character'],
      [row({ name: 'canary\u202e' }), 'name must not have controls of direction'],
      [row({ passwordHash: bcryptHash.slice(1) }), HASH],
      [row({ passwordHash: `${bcryptHash}.` }), HASH],
      [row({ passwordHash: bcryptHash.replace('$04$', '$03$') }), HASH],
      [row({ passwordHash: bcryptHash.replace('$04$', '$16$') }), HASH],
      [row({ passwordHash: bcryptHash.replace('$2b$', '$2x$') }), HASH],
      [row({ passwordHash: `${bcryptHash.slice(0, -1)}/` }), HASH],
      [row({ role: 'canary' }), 'role must be ADMIN or MEMBER'],
      [row({ isActive: 'canary' }), 'isActive must be true or false'],
      [row({ createdAt: '2023-02-30T00:00:00Z' }), TIME],
      [row({ createdAt: '0000-01-01T00:00:00Z' }), TIME],
      [row({ createdAt: '9999-12-31T23:59:59.999-05:00' }), TIME],
      [row({ createdAt: '2999-01-01T00:00:00Z' }), TIME],
      [row({ createdAt: 1_700_000_000 }), TIME],
      [row({ emailVerified: 'true' }), 'emailVerified must be true or false'],
      [row({ externalId: '' }), EXTERNAL_ID],
      [row({ externalId: 'x'.repeat(256) }), EXTERNAL_ID],
      [row({ id: 1.5 }), EXTERNAL_ID],
      [row({ id: 'canary 1', user_id: 'canary 2' }), 'externalId is given under two names, with two values'],
      [row({ displayName: 'canary' }), 'name is given under two names, with two values'],
      [row({ createdAt: { $date: 'canary' } }), TIME],
      [
        {},
        `email must be an e-mail address of at most 254 characters; name must be a text of 1 to 100 characters without control characters; passwordHash ${HASH.replace('passwordHash ', '')}`,
      ],
      [long, 'is longer than 10000 bytes'],
    ];

    const { code, output } = await importing(lines([plain, ...bad.map(([line]) => line), full]));

    expect(output.trimEnd().split('\n')).toEqual([
      ...bad.map(([, complaint], index) => `line ${index + 2}: ${complaint}`),
      `Imported: 2, already there: 0, refused: ${bad.length}`,
    ]);
    expect(code).toBe(1);
    expect(output).not.toMatch(/canary|\$2[abxy]?\$|2999|2023/i);
    expect(await stored(plain.email)).toMatchObject([
      { name: plain.name, password_hash: plain.passwordHash, is_active: true, deleted_at: null },
    ]);
    expect(await stored(full.email)).toMatchObject([
      { is_active: false, created_at: new Date('2019-03-04T03:06:07.891Z'), role_id: expect.stringMatching(/1$/) },
    ]);
  });

  test.each(['$2a$', '$2b$', '$2y$'])('a %s hash signs in, and is renewed by it', async (prefix) => {
    const person = row({
      email: ` Person.${prefix.slice(1, 3)}@Example.com`,
      passwordHash: bcryptHash.replace('$2b$', prefix),
    });
    const email = person.email.trim().toLowerCase();

    const { code, output } = await importing(lines([person]));
    const [before] = await stored(email);
    const wrong = await login(email, 'not the password');
    const right = await login(email);
    const [after] = await stored(email);
    const again = await login(email);

    expect([code, output]).toEqual([0, 'Imported: 1, already there: 0, refused: 0\n']);
    expect(before.password_hash).toHaveLength(60);
    expect(codes(wrong)).toEqual(['INVALID_CREDENTIALS']);
    expect([...codes(right), ...codes(again)]).toEqual([]);
    expect(after.password_hash).toMatch(/^p1\$2b\$/);
  });

  test('a wrong password for a cheap imported hash takes no less time than an unknown address', async () => {
    await using slow = await startApi({ DATABASE_URL: database, BCRYPT_COST: '11' });
    const person = row({ passwordHash: bcryptHash });
    await importing(lines([person]));
    const timeOf = async (email: string) => {
      const begin = performance.now();
      const answer = await slow.ask(LOGIN, { input: { email, password: 'not the password' } });
      expect(codes(answer)).toEqual(['INVALID_CREDENTIALS']);
      return performance.now() - begin;
    };
    const [unknown, imported]: number[][] = [[], []];

    for (let round = 0; round < 10; round++) {
      unknown?.push(await timeOf('nobody-at-all@example.com'));
      imported?.push(await timeOf(person.email));
    }

    // Its own cost would be a hundredth.
    expect(Math.min(...(imported ?? []))).toBeGreaterThan(Math.min(...(unknown ?? [])) / 5);
  });

  const allPurged = () =>
    eventually(async () =>
      expect(await select(database, 'select user_id from deletions where purged_at is null')).toEqual([]),
    );

  test('a second import of the file changes nothing, also after logins, renewals and closed accounts', async () => {
    const [stays, renews, closes] = [row(), row({ passwordHash: bcryptHash }), row({ passwordHash: bcryptHash })];
    const file = lines([stays, renews, closes]);
    const first = await importing(file);
    await login(renews.email);
    const { id, token } = (await signIn(api, { email: closes.email, password: PASSWORD })) as {
      id: string;
      token: string;
    };
    await api.ask(DELETE_USER, { id }, token);
    await allPurged();
    const before = await select(database, 'select * from users order by id');

    const second = await importing(file);

    expect([first.code, first.output]).toEqual([0, 'Imported: 3, already there: 0, refused: 0\n']);
    expect([second.code, second.output]).toEqual([0, 'Imported: 0, already there: 3, refused: 0\n']);
    expect(await select(database, 'select * from users order by id')).toEqual(before);
  });

  test('of lines with one address in several spellings the first counts, and an open account keeps its own', async () => {
    const ada = await member(api);
    const person = row({ email: 'twice@example.com' });
    const file = lines([
      row({ email: 'nobody' }),
      person,
      { ...person, email: ' TWICE@example.COM ' },
      row({ email: 'ｔｗｉｃｅ@example.com', name: 'Somebody Else' }),
      row({ email: ada.email.toUpperCase() }),
      ...Array.from({ length: 600 }, () => row()),
      { ...person, email: 'Twice@Example.com' },
    ]);

    const first = await importing(file);
    const second = await importing(file);

    const refusals = [
      'line 1: email must be an e-mail address of at most 254 characters',
      'line 3: email is also that of line 2',
      'line 4: email is also that of line 2',
      'line 5: email is that of an open account',
      'line 606: email is also that of line 2',
    ];
    expect(first.output.trimEnd().split('\n')).toEqual([...refusals, 'Imported: 601, already there: 0, refused: 5']);
    expect(second.output.trimEnd().split('\n')).toEqual([...refusals, 'Imported: 0, already there: 601, refused: 5']);
    expect(await stored('twice@example.com')).toMatchObject([
      { name: person.name, password_hash: person.passwordHash },
    ]);
    expect(await stored(ada.email)).toMatchObject([{ id: ada.id, name: 'Ada Lovelace' }]);
  });

  test('an internationalised domain is one in letters, capitals and ASCII', async () => {
    const file = lines([
      row({ email: 'imported@bücher.example' }),
      row({ email: 'imported@BÜCHER。example' }),
      row({ email: 'imported@xn--bcher-kva.example' }),
      row({ email: 'imported@xn--a.example' }),
      row({ email: 'jörg@example.com' }),
    ]);

    const { output } = await importing(file);

    expect(output.trimEnd().split('\n')).toEqual([
      'line 2: email is also that of line 1',
      'line 3: email is also that of line 1',
      'line 4: email must be an e-mail address of at most 254 characters',
      'line 5: email must have ASCII characters alone before the @ (no SMTPUTF8)',
      'Imported: 1, already there: 0, refused: 4',
    ]);
    expect(await stored('imported@xn--bcher-kva.example')).toHaveLength(1);
  });

  test('a newer hash changes nothing for a person who is there, and brings nobody back who has gone', async () => {
    const enters = () => row({ passwordHash: bcryptHash });
    const [stays, closes, moves, dropped] = [enters(), enters(), enters(), enters()];
    const registered = await member(api);
    await importing(lines([stays, closes, moves, dropped]));
    for (const { email } of [closes, registered]) {
      const { id, token } = await signIn(api, { email, password: PASSWORD });
      await api.ask(DELETE_USER, { id }, token);
    }
    await allPurged();
    await select(database, `update users set email = 'moved-' || email where email = $1`, [moves.email]);
    await select(database, 'update users set is_active = false, name_key = name_key where email = $1', [dropped.email]);
    const before = await select(database, 'select * from users order by id');

    const renewed = [stays, closes, moves, dropped, row({ email: registered.email })].map((person) => ({
      ...person,
      name: 'Another Name',
      role: 'ADMIN',
      passwordHash: someHash('newer'),
    }));
    const { code, output } = await importing(lines(renewed));

    expect([code, output]).toEqual([0, 'Imported: 0, already there: 5, refused: 0\n']);
    expect(await select(database, 'select * from users order by id')).toEqual(before);
    expect(codes(await login(closes.email))).toEqual(['INVALID_CREDENTIALS']);
    expect(codes(await login(moves.email))).toEqual(['INVALID_CREDENTIALS']);
    expect(codes(await login(`moved-${moves.email}`))).toEqual([]);
  });

  test('an external id says who somebody is, whatever their address is by now', async () => {
    const [known, late] = [row({ externalId: 'auth0|1' }), row()];
    await importing(lines([known, late]));
    const again = lines([
      row({ externalId: 'auth0|1' }),
      { ...late, externalId: 77 },
      { ...late, email: 'late-again@example.com', externalId: '77' },
      row({ externalId: 'auth0|2' }),
      row({ id: 'auth0|2' }),
    ]);

    const { output } = await importing(again);
    const third = await importing(lines([row({ externalId: '77' }), { ...known, externalId: 'auth0|3' }]));

    expect(output.trimEnd().split('\n')).toEqual([
      'line 3: externalId is also that of line 2',
      'line 5: externalId is also that of line 4',
      'Imported: 1, already there: 2, refused: 2',
    ]);
    expect(third.output.trimEnd().split('\n')).toEqual([
      'line 2: email was imported with another externalId',
      'Imported: 0, already there: 1, refused: 1',
    ]);
    expect(await stored(late.email)).toMatchObject([{ external_id: '77', imported_email: late.email }]);
    expect(await stored('late-again@example.com')).toEqual([]);
  });

  test.each<[string, Record<string, unknown>, Record<string, unknown>]>([
    ['our own names', { externalId: 'a-1', emailVerified: true }, { external_id: 'a-1', email_verified: true }],
    [
      'Auth0',
      { _id: { $oid: '5f0c' }, email_verified: true, blocked: false, role: null },
      { external_id: '5f0c', email_verified: true, is_active: true },
    ],
    [
      'Supabase',
      { id: 'b-2', email_confirmed_at: '2020-01-02T03:04:05Z', banned_until: null, created_at: '2020-01-01T00:00:00Z' },
      { external_id: 'b-2', email_verified: true, is_active: true, created_at: new Date('2020-01-01T00:00:00Z') },
    ],
    [
      'Keycloak',
      { id: 'c-3', emailVerified: false, enabled: false, createdTimestamp: 1_577_836_800_000 },
      { external_id: 'c-3', email_verified: false, is_active: false, created_at: new Date('2020-01-01T00:00:00Z') },
    ],
    [
      'Firebase',
      { localId: 'd-4', emailVerified: true, disabled: true, createdAt: '1577836800000' },
      { external_id: 'd-4', email_verified: true, is_active: false, created_at: new Date('2020-01-01T00:00:00Z') },
    ],
    [
      'one that shut somebody out',
      { id: 5, banned_until: '2999-01-01T00:00:00Z', emailVerified: null },
      { external_id: '5', email_verified: false, is_active: false },
    ],
    [
      'one that keeps closed accounts',
      { userId: 6, enabled: true, deleted_at: '2020-01-01T00:00:00Z', email_verified_at: '2020-01-01T00:00:00Z' },
      { external_id: '6', email_verified: true, is_active: false },
    ],
    [
      'MongoDB',
      { _id: { $oid: '5f0d' }, isActive: true, blocked: true, createdAt: { $date: '2020-01-01T00:00:00Z' } },
      { external_id: '5f0d', is_active: false, created_at: new Date('2020-01-01T00:00:00Z') },
    ],
  ])('fields as in an export of %s are taken over', async (_, fields, expected) => {
    const person = row(fields);

    const { code, output } = await importing(lines([person]));

    expect([code, output]).toEqual([0, 'Imported: 1, already there: 0, refused: 0\n']);
    expect(await stored(person.email)).toMatchObject([expected]);
  });

  test('unknown fields are counted and named once, and refused by --strict alone', async () => {
    const people = [
      row({ app_metadata: { canary: 1 }, last_ip: 'canary' }),
      row({ last_ip: 'canary', 'canary with blanks': 1, constructor: 'canary' }),
      `{"__proto__": {"role": "ADMIN"}, ${JSON.stringify(row({ toString: 'canary' })).slice(1)}`,
    ];
    const many = row(Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`f${index}`, 'canary'])));

    const refused = await runCommand(IMPORT, ['--strict', fileOf(lines(people))], { DATABASE_URL: database });
    const taken = await importing(lines(people));
    const bounded = await importing(lines([many]));

    const complaint = `has a field that is none of email, name, passwordHash, role, createdAt, isActive, emailVerified, externalId`;
    expect(refused.output.split('\n').slice(0, 3)).toEqual([1, 2, 3].map((line) => `line ${line}: ${complaint}`));
    expect(refused.code).toBe(1);
    expect([taken.code, taken.output.trimEnd().split('\n')]).toEqual([
      0,
      [
        'Unknown fields, left out: app_metadata (1), last_ip (2), others (1), constructor (1), __proto__ (1), toString (1)',
        'Imported: 3, already there: 0, refused: 0',
      ],
    ]);
    expect(bounded.output).toMatch(/^Unknown fields, left out: f0 \(1\), .*, f19 \(1\), others \(10\)\n/);
    expect([refused, taken, bounded].map(({ output }) => output).join()).not.toContain('canary');
    const [person] = await select(database, 'select role_id from users where email like $1', [
      `${JSON.parse(people[2] as string).email}`,
    ]);
    expect(person.role_id).toMatch(/2$/);
  });

  test('each imported user is announced once, and an admin who looks at the list sees them', async () => {
    const admin = await signIn(api);
    const before = (await api.ask(USERS, {}, admin.token)).data.users.totalCount;
    const rows = Array.from({ length: 1_200 }, () => row());

    await importing(lines(rows));

    await eventually(async () =>
      expect((await api.ask(USERS, {}, admin.token)).data.users.totalCount).toBe(before + rows.length),
    );
    const ids = await select(database, 'select id from users where email = any($1)', [rows.map(({ email }) => email)]);
    const subjects = new Set((await announcedOnce(database)).map(({ subject }) => subject));
    expect(ids).toHaveLength(rows.length);
    expect(ids.filter(({ id }) => !subjects.has(id))).toEqual([]);
    await drained(database);
  });

  test.each([
    ['an empty file', () => '', 0],
    ['blank lines', () => '\n\r\n  \n', 0],
    [
      'CRLF, a byte order mark and no last line feed',
      () => `\ufeff${lines([row(), row()]).replaceAll('\n', '\r\n').trimEnd()}`,
      2,
    ],
  ])('%s is read', async (_, content, imported) => {
    const { code, output } = await importing(content());

    expect([code, output]).toEqual([0, `Imported: ${imported}, already there: 0, refused: 0\n`]);
  });

  test('lines that are huge or no UTF-8 are refused, and those round them kept', async () => {
    const huge = Buffer.alloc(50_000_000, 'x');
    const invalid = Buffer.from(lines([row({ name: 'Jos\u00e9' })]), 'latin1');
    const good = () => Buffer.from(lines([row()]));

    const { code, output } = await importing(
      Buffer.concat([good(), huge, Buffer.from('\n'), good(), invalid, good(), Buffer.from('{"email":')]),
    );

    expect(output.trimEnd().split('\n')).toEqual([
      'line 2: is longer than 10000 bytes',
      'line 4: is not UTF-8',
      'line 6: is not a JSON object',
      'Imported: 3, already there: 0, refused: 3',
    ]);
    expect(code).toBe(1);
  });

  test('what keeps it from starting is told in one line', async () => {
    const file = fileOf('');
    const run = (args: string[], env = {}) => runCommand(IMPORT, args, { DATABASE_URL: database, ...env });

    const none = await run([]);
    const two = await run([file, file]);
    const missing = await run([join(temporaryFolder(), 'missing.jsonl')]);
    const directory = await run([temporaryFolder()]);
    const unmigrated = await run([file], { DATABASE_URL: await postgres.createDatabase() });

    expect(none).toEqual({ code: 1, output: expect.stringMatching(/^Usage: npm run users:import .*\n$/) });
    expect(two).toEqual(none);
    expect(missing).toEqual({ code: 1, output: expect.stringMatching(/^The file .* cannot be read \(ENOENT\)\.\n$/) });
    expect(directory).toEqual({
      code: 1,
      output: expect.stringMatching(/^The file .* cannot be read \(EISDIR\)\.\n$/),
    });
    expect(unmigrated).toEqual({ code: 1, output: 'Migrations are pending: run npm run migrate.\n' });
  });
});

describeWithServers(['postgres', 'redis'], 'npm run users:import beside an API on Redis', () => {
  test('ends what is cached of thousands in a few calls', async () => {
    const [postgres, redis] = await Promise.all([sharedPostgres(), startRedis()]);
    try {
      const DATABASE_URL = await postgres.createDatabase();
      await using api = await startApi({ DATABASE_URL, REDIS_URL: redis.url });
      const admin = await signIn(api);
      const total = async () => (await api.ask(USERS, {}, admin.token)).data.users.totalCount;
      const before = await total();

      await runCommand(IMPORT, [fileOf(lines(Array.from({ length: 3_000 }, () => row())))], { DATABASE_URL });
      await eventually(async () => expect(await total()).toBe(before + 3_000));

      const [calls, ended] = await withRedis(redis.url, async (client) => {
        const stats = await client.info('commandstats');
        return ['exec', 'set'].map((name) => Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(stats)?.[1]));
      });
      expect(calls).toBeLessThan(300);
      // A cache that is given up on a busy machine is told less, but what it is told still comes together.
      expect((ended ?? 0) / (calls ?? 0)).toBeGreaterThan(10);
    } finally {
      await redis.stop();
    }
  });
});

describe('npm run users:import on the embedded database', () => {
  test('needs nothing, and is refused while the API runs', async () => {
    const DATA_DIR = join(temporaryFolder(), 'data');
    const path = fileOf(lines([row({ email: 'embedded@example.com', passwordHash: bcryptHash }), row()]));
    const first = await startApi({ DATA_DIR });
    const meanwhile = await runCommand(IMPORT, [path], { DATA_DIR });
    await first.stop();

    const { code, output } = await runCommand(IMPORT, [path], { DATA_DIR });

    await using api = await startApi({ DATA_DIR });
    const user = await signIn(api, { email: 'embedded@example.com', password: PASSWORD });
    expect(meanwhile).toEqual({ code: 1, output: expect.stringMatching(/^The data folder .* is in use by process/) });
    expect([code, output]).toEqual([0, 'Imported: 2, already there: 0, refused: 0\n']);
    expect(user.email).toBe('embedded@example.com');
  });
});

const HASH = 'passwordHash must be a bcrypt hash (2a, 2b or 2y) of 60 characters with a cost from 4 to 15';
const EXTERNAL_ID = 'externalId must be a text of 1 to 255 characters without control characters';
const TIME = 'createdAt must be a time as in RFC 3339, from 1970 on and not in the future';
