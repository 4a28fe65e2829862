// An operation beyond a limit is refused before any of it runs. Each limit is tried as large as it may be, and one more.

import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { buildSchema, type OperationDefinitionNode, parse } from 'graphql';
import { OPERATION_LIMITS, OperationLimits } from '../../src/graphql/operation-limits.js';
import { MAX_ANSWER_BYTES } from '../../src/http/graphql.js';
import { describeApi } from '../support/app.js';
import { admin, ask, codes, member, members, signIn } from '../support/people.js';

const many = (count: number, part: (index: number) => string) =>
  Array.from({ length: count }, (_, at) => part(at)).join(' ');
const loginWhere = (condition: string) =>
  `login(input: { email: "nobody@example.com", password: "wrong password" }) ${condition} { accessToken }`;
const LOGIN = loginWhere('');

describeApi('an operation', (app) => {
  const refusal = async (query: string, variables = {}, token?: string) => {
    const { status, errors, data } = await ask(app(), query, variables, token);
    const [error] = errors;
    return error ? [status, error.extensions.code, error.extensions.limit] : [status, data];
  };

  describe('may be as large as a limit says, and no larger (A3):', () => {
    test.each<[string, keyof typeof OPERATION_LIMITS, (count: number) => string]>([
      ['root fields', 'rootFields', (count) => `{ ${many(count, (at) => `a${at}: __typename`)} }`],
      ['aliases', 'aliases', (count) => `{ me { ${many(count, (at) => `a${at}: id`)} } }`],
      ['aliases of __typename', 'aliases', (count) => `{ me { ${many(count, (at) => `a${at}: __typename`)} } }`],
      [
        'aliases in fragments',
        'aliases',
        (count) => `{ ...A } fragment A on Query { me { ${many(count, (at) => `a${at}: id`)} } }`,
      ],
    ])('%s', async (_, limit, query) => {
      const { most, code } = OPERATION_LIMITS[limit];

      expect((await refusal(query(most)))[0]).toBe(200);
      expect(await refusal(query(most + 1))).toEqual([400, code, most]);
    });

    test('fields and fragments, at each place where they are spread', async () => {
      const { most, code } = OPERATION_LIMITS.selections;
      /** Each level has two spreads of the one below, and the lowest one a field. */
      const document = (levels: number, selections: string[]) =>
        `{ ${selections.join(' ')} } fragment F0 on Query { __typename }
         ${many(levels, (at) => `fragment F${at + 1} on Query { ...F${at} ...F${at} }`)}`;
      const sizeOf = (level: number) => 3 * 2 ** level - 1;
      const highest = Math.floor(Math.log2((most + 1) / 3));
      const withSelections = (count: number) => {
        const selections: string[] = [];
        for (let level = highest, left = count; left > 0; ) {
          if (level > 0 && sizeOf(level) > left) level -= 1;
          else {
            selections.push(sizeOf(level) > left ? '__typename' : `...F${level}`);
            left -= Math.min(sizeOf(level), left);
          }
        }
        return document(highest, selections);
      };

      expect((await refusal(withSelections(most)))[0]).toBe(200);
      expect(await refusal(withSelections(most + 1))).toEqual([400, code, most]);
      expect(await refusal(document(47, ['...F47']))).toEqual([400, code, most]);
    });

    test('objects, by page sizes from variables, for each request of one document', async () => {
      const { token } = await admin(app());
      const query = 'query ($n: Int = 1) { users(first: $n) { nodes { id auditTrail(first: 100) { nodes { id } } } } }';

      expect((await refusal(query, {}, token))[0]).toBe(200);
      expect((await refusal(query, { n: 49 }, token))[0]).toBe(200);
      expect(await refusal(query, { n: 50 }, token)).toEqual([400, 'TOO_COSTLY', OPERATION_LIMITS.cost.most]);
      expect((await refusal(query, { n: 2 }, token))[0]).toBe(200);
      expect(await refusal(query.replace('= 1', '= 100'), {}, token)).toEqual([400, 'TOO_COSTLY', 5_000]);
      expect(await refusal(query.replace('Int = 1', 'Int! = 100'), {}, token)).toEqual([400, 'TOO_COSTLY', 5_000]);
    });
  });

  test('with nothing but what is left out has no cost', async () => {
    const { token } = await admin(app());
    const query = `query ($all: Boolean!) {
      users(first: 100) { nodes { id auditTrail(first: 100) @include(if: $all) { nodes { id } } } }
    }`;

    const byDefault = query.replace('Boolean!', 'Boolean! = true');
    expect(await refusal(byDefault, {}, token)).toEqual([400, 'TOO_COSTLY', 5_000]);
    expect(await refusal(query, { all: true }, token)).toEqual([400, 'TOO_COSTLY', 5_000]);
    expect((await refusal(query, { all: false }, token))[0]).toBe(200);
  });

  describe('tries a password once, and no check is made where it would be more:', () => {
    interface Attempts {
      logins: number;
      mails: number;
    }
    const beyond = [400, 'ONCE_PER_OPERATION', 1];
    const attempts = () =>
      app().database.em.execute(
        "select (select count(*)::int from audit_events where action = 'login.failed') as logins, (select count(*)::int from mails) as mails",
      );

    test.each([
      ['aliases', `mutation { a: ${LOGIN} b: ${LOGIN} }`],
      [
        'fragments',
        `mutation { ...A ...B } fragment A on Mutation { a: ${LOGIN} } fragment B on Mutation { b: ${LOGIN} }`,
      ],
      ['inline fragments', `mutation { ... { a: ${LOGIN} } ... on Mutation { b: ${LOGIN} } }`],
      ['one of two operations', `mutation A { a: ${LOGIN} b: ${LOGIN} } mutation B { ${LOGIN} }`],
      ['conditions', `mutation ($y: Boolean = true) { a: ${LOGIN} b: ${loginWhere('@include(if: $y)')} }`],
      [
        'a default of a variable that cannot be null',
        `mutation ($y: Boolean! = true) { a: ${LOGIN} b: ${loginWhere('@include(if: $y)')} }`,
      ],
      [
        'a default that says not to skip',
        `mutation ($n: Boolean! = false) { a: ${LOGIN} b: ${loginWhere('@skip(if: $n)')} }`,
      ],
      ['different fields', `mutation { a: ${LOGIN} requestPasswordReset(email: "a@example.com") { accepted } }`],
    ])('%s', async (_, query) => {
      const before = await attempts();
      const operationName = query.startsWith('mutation A') ? 'A' : undefined;
      const response = await fetch(`${app().url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query, operationName }),
      });
      const { errors, data } = (await response.json()) as {
        data?: unknown;
        errors: { extensions: Record<string, unknown> }[];
      };

      expect([response.status, errors[0]?.extensions.code, errors[0]?.extensions.limit]).toEqual(beyond);
      expect(data).toBeUndefined();
      expect(await attempts()).toEqual(before);
    });

    test('of every way to write several, none makes more than one check or one mail (A1)', async () => {
      const FIELDS = [
        loginWhere,
        (directive: string) => `requestPasswordReset(email: "nobody@example.com") ${directive} { accepted }`,
      ];
      const ALIASES = [
        ['', ''],
        ['', 'b: '],
        ['a: ', 'b: '],
      ] as const;
      const DIRECTIVES = ['', '@include(if: true)', '@skip(if: $no)'];
      const WRAPS: ((fields: string[]) => [string, string])[] = [
        (fields) => [fields.join(' '), ''],
        (fields) => [fields.map((field) => `... { ${field} }`).join(' '), ''],
        (fields) => ['...A', `fragment A on Mutation { ${fields.join(' ')} }`],
        (fields) => [
          fields.map((_, at) => `...F${at}`).join(' '),
          fields.map((field, at) => `fragment F${at} on Mutation { ${field} }`).join(' '),
        ],
        (fields) => ['...A ...A', `fragment A on Mutation { ...B } fragment B on Mutation { ${fields.join(' ')} }`],
      ];
      const tally = { requests: 0, refused: 0, checks: 0, mails: 0 };
      for (const field of FIELDS) {
        for (const aliases of ALIASES) {
          for (const directive of DIRECTIVES) {
            for (const wrap of WRAPS) {
              for (const operationName of ['', 'Named']) {
                for (const isBatch of [false, true]) {
                  const fields = aliases.map((alias) => alias + field(directive));
                  const [body, fragments] = wrap(fields);
                  const variable = directive.includes('$no') ? '($no: Boolean! = false)' : '';
                  const other = operationName ? ` mutation Other { x: ${LOGIN} y: ${LOGIN} }` : '';
                  const query = `mutation ${operationName} ${variable} { ${body} } ${fragments}${other}`;
                  const request = { query, ...(operationName && { operationName }) };
                  const [before] = (await attempts()) as [Attempts];
                  const response = await fetch(`${app().url}/graphql`, {
                    method: 'POST',
                    headers: { 'content-type': 'application/json' },
                    body: JSON.stringify(isBatch ? [request, request] : request),
                  });
                  const [after] = (await attempts()) as [Attempts];
                  const [checks, mails] = [after.logins - before.logins, after.mails - before.mails];
                  tally.requests += 1;
                  tally.refused += response.status === 400 ? 1 : 0;
                  tally.checks += checks;
                  tally.mails += mails;
                  expect([query, isBatch, checks + mails <= 1]).toEqual([query, isBatch, true]);
                  // One that was refused has done nothing.
                  if (response.status === 400) expect([query, checks + mails]).toEqual([query, 0]);
                }
              }
            }
          }
        }
      }

      expect(tally).toMatchObject({ requests: 360, checks: 30, mails: 30 });
    });

    test('what a condition leaves out, and what is merged into one, is not a second attempt', async () => {
      const query = `mutation ($no: Boolean!) { ${LOGIN} ${LOGIN} b: ${loginWhere('@skip(if: true)')} c: ${loginWhere('@include(if: $no)')} }`;

      expect(codes(await ask(app(), query, { no: false }))).toEqual(['INVALID_CREDENTIALS']);
    });

    test('a batch of requests is no request', async () => {
      const one = { query: `mutation { ${LOGIN} }` };
      const response = await fetch(`${app().url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify([one, one]),
      });

      expect(response.status).toBe(400);
    });

    test('mails', async () => {
      const eve = await member(app());
      const before = await attempts();

      const answer = await eve.ask(`mutation { ${many(10, (at) => `a${at}: requestEmailVerification { accepted }`)} }`);

      expect(codes(answer)).toEqual(['ONCE_PER_OPERATION']);
      expect(await attempts()).toEqual(before);
    });
  });

  test('that is denied many times is one audit event, with a count', async () => {
    const [eve, root] = [await member(app()), await admin(app())];

    const { errors } = await eve.ask(`{ ${many(9, (at) => `a${at}: user(id: "${root.id}") { id }`)} }`);
    const { data } = await root.ask(
      'query ($id: ID!) { auditEvents(filter: { actorId: $id, action: "access.denied" }) { nodes { subjectId details } } }',
      { id: eve.id },
    );

    expect(errors.map(({ extensions }) => extensions.code)).toEqual(Array(9).fill('FORBIDDEN'));
    expect(data.auditEvents.nodes).toEqual([{ subjectId: root.id, details: { operation: 'Query.user', count: 9 } }]);
  });
});

describeApi('an answer', (app) => {
  test('to a query has no more bytes than it may', async () => {
    const root = await admin(app());
    await members(app(), 100, { name: '가'.repeat(100) });
    const user = '{ id name email displayEmail createdAt updatedAt role { name description } }';
    const page = (alias: string, first: number) =>
      `${alias}: users(first: ${first}) { nodes ${user} edges { node ${user} } }`;
    const sizeOf = async (fields: string) => {
      const answer = await root.ask(`{ ${fields} }`);
      return { answer, bytes: Buffer.byteLength(answer.text) };
    };
    // Whole pages, one that fills most of what is left, and a name as long as the rest.
    const { bytes: whole } = await sizeOf(page('p', 100));
    const pages = Array.from({ length: Math.floor(MAX_ANSWER_BYTES / whole) }, (_, at) => page(`p${at}`, 100));
    const { bytes: filled } = await sizeOf(pages.join(' '));
    const last = page('q', Math.max(1, Math.floor(((MAX_ANSWER_BYTES - filled) / whole) * 100) - 1));
    const { bytes } = await sizeOf(`${pages.join(' ')} ${last} x: __typename`);
    const rest = 'x'.repeat(1 + MAX_ANSWER_BYTES - bytes);

    const full = await sizeOf(`${pages.join(' ')} ${last} ${rest}: __typename`);
    const beyond = await sizeOf(`${pages.join(' ')} ${last} ${rest}x: __typename`);

    expect([codes(full.answer), full.bytes]).toEqual([[], MAX_ANSWER_BYTES]);
    expect([beyond.answer.status, codes(beyond.answer), beyond.answer.data]).toEqual([
      400,
      ['RESPONSE_TOO_LARGE'],
      undefined,
    ]);
    expect(beyond.answer.errors[0]?.extensions.limit).toBe(MAX_ANSWER_BYTES);
    const query = `{ ${pages.join(' ')} ${last} ${rest}x: __typename }`;
    const askedFor = async (accept: string) => {
      const { status, headers } = await ask(app(), query, {}, root.token, { accept });
      return [status, headers.get('content-type')?.split(';')[0]];
    };
    expect(await askedFor('application/graphql-response+json')).toEqual([400, 'application/graphql-response+json']);
    expect(await askedFor('application/json')).toEqual([200, 'application/json']);
  });

  test('to a mutation tells what was done, however long it is', async () => {
    const [root, ada] = [await admin(app()), await member(app())];
    for (let times = 0; times < 100; times += 1) await signIn(app(), ada);
    const event = '{ id action actorId subjectId sessionId ipAddress at details }';
    const activate = (at: number) =>
      `a${at}: activateUser(id: "${ada.id}") { auditTrail(first: 100) { nodes ${event} edges { cursor node ${event} } } }`;

    const answer = await root.ask(`mutation { ${many(10, activate)} }`);

    expect([answer.status, codes(answer)]).toEqual([200, []]);
    expect(Buffer.byteLength(answer.text)).toBeGreaterThan(MAX_ANSWER_BYTES);
  });
});

test('each mutation that tries a password or a token, or orders a mail, is there once in an operation', () => {
  const lines = readFileSync('schema.graphql', 'utf8').split('\n');

  expect(lines.filter((line) => /@auth.* @once/.test(line)).map((line) => line.trim().split(/\W/)[0])).toEqual([
    'changePassword',
    'confirmEmailChange',
    'login',
    'refresh',
    'register',
    'requestEmailChange',
    'requestEmailVerification',
    'requestPasswordReset',
    'resetPassword',
    'verifyEmail',
  ]);
});

describe('without a server, levels of fields and directives', () => {
  const limits = new OperationLimits(buildSchema('type Query { me: Query id: ID }'));
  const refusalOf = (query: string) => {
    const document = parse(query);
    return limits.check(document, document.definitions[0] as OperationDefinitionNode, {}).refusal?.code ?? null;
  };
  const levels = (count: number) => `${'me {'.repeat(count - 1)} id ${'}'.repeat(count - 1)}`;
  const { most } = OPERATION_LIMITS.depth;

  test('directives at one place', () => {
    const { most: directives, code } = OPERATION_LIMITS.directives;
    const query = (count: number) => `{ id ${'@a '.repeat(count)} }`;

    expect(refusalOf(query(directives))).toBeNull();
    expect(refusalOf(query(directives + 1))).toBe(code);
    expect(refusalOf(`{ ...F ${'@a '.repeat(directives + 1)} } fragment F on Query { id }`)).toBe(code);
  });

  test.each([
    ['in a row', (count: number) => `{ ${levels(count)} }`],
    ['in a fragment', (count: number) => `{ me { ...F } } fragment F on Query { ${levels(count - 1)} }`],
  ])('%s', (_, query) => {
    expect(refusalOf(query(most))).toBeNull();
    expect(refusalOf(query(most + 1))).toBe('TOO_DEEP');
  });
});
