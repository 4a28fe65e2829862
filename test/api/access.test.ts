// Each field lets in the viewers that the table names and no others; every field is asked over HTTP by every kind of
// viewer.

import { readFileSync } from 'node:fs';
import { beforeAll, expect, test } from '@jest/globals';
import { type GraphQLSchema, getNamedType, graphql, isLeafType, isObjectType } from 'graphql';
import { LRUCache } from 'lru-cache';
import { Cache } from '../../src/cache/cache.js';
import { enforceRules } from '../../src/graphql/enforce.js';
import { type FieldRule, RuleError, rulesOf } from '../../src/graphql/rules.js';
import { createLog } from '../../src/log.js';
import { createContext } from '../../src/request/context.js';
import { Execution } from '../../src/request/execution.js';
import { Language } from '../../src/request/language.js';
import { Turns } from '../../src/request/turns.js';
import { buildUnguarded, createSchema } from '../../src/schema.js';
import type { Services } from '../../src/services.js';
import { describeApi, type TestApp } from '../support/app.js';
import { expectCurrent } from '../support/current-file.js';
import { allSent, sentToken } from '../support/links.js';
import { acknowledgementOf, announcementOf, WITH_BILLING } from '../support/participants.js';
import {
  admin,
  ask,
  DELETE_USER,
  expiredToken,
  member,
  PASSWORD,
  type Person,
  REQUEST_EMAIL_CHANGE,
  REQUEST_PASSWORD_RESET,
} from '../support/people.js';
import { ACCESS_TABLE, VIEWERS, type ViewerKind, WAYS } from './access-table.js';
import { FAILURES } from './errors-table.js';

const RULES = rulesOf(buildUnguarded());

interface Cell {
  query: string;
  variables: Record<string, unknown>;
  token: string | undefined;
  subject: Person;
}

/** Somebody of this kind with the user they ask about; new each time, for some of them end with what they do. */
async function newViewer(app: TestApp, kind: ViewerKind): Promise<{ token: string | undefined; subject: Person }> {
  const subject = await member(app);
  switch (kind) {
    case 'nobody':
      return { token: undefined, subject };
    case 'expired token':
      return { token: expiredToken(app, subject), subject };
    case 'deleted user':
      await subject.ask(DELETE_USER, { id: subject.id });
      return { token: subject.token, subject };
    case 'member, on self':
      return { token: subject.token, subject };
    case 'member, on another':
      return { token: (await member(app)).token, subject };
    case 'admin':
      return { token: (await admin(app)).token, subject };
    case 'demoted admin': {
      const [keeper, demoted] = [await admin(app), await admin(app)];
      await app.database.em.execute(
        `update users set role_id = (select id from roles where name = 'MEMBER') where id = ?`,
        [demoted.id],
      );
      await app.cache.invalidate(`user:${demoted.id}`);
      expect(keeper.id).not.toBe(demoted.id);
      return { token: demoted.token, subject };
    }
  }
}

/** The operation that asks for one field, generated from the schema. */
function cell(
  { type, field }: Pick<FieldRule, 'type' | 'field'>,
  token: string | undefined,
  subject: Person,
  link = '',
): Cell {
  const input = { email: subject.email, password: PASSWORD };
  const inputs: Record<string, string> = {
    register: `{ email: "new-${subject.email}", password: "${PASSWORD}", name: "New" }`,
    login: `{ email: "${input.email}", password: "${PASSWORD}" }`,
    refresh: `{ refreshToken: "${subject.refreshToken}" }`,
    changePassword: `{ currentPassword: "${PASSWORD}", newPassword: "another ${PASSWORD}" }`,
    updateProfile: '{ name: "Renamed" }',
    requestEmailChange: `{ newEmail: "new-${subject.email}", password: "${PASSWORD}" }`,
    resetPassword: `{ token: "${link}", newPassword: "another ${PASSWORD}" }`,
  };
  const literals: Record<string, string> = {
    id: `"${subject.id}"`,
    role: 'MEMBER',
    email: `"${subject.email}"`,
    token: `"${link}"`,
    acknowledgement: `"${link}"`,
    input: inputs[field.name] ?? '',
  };
  const args = field.args
    .filter((argument) => String(argument.type).endsWith('!'))
    .map(({ name }) => `${name}: ${literals[name]}`)
    .join(', ')
    .replace(/^(.+)$/, '($1)');
  const selection = isLeafType(getNamedType(field.type)) ? '' : ' { __typename }';
  const way = WAYS[type.name];
  if (!way) throw new Error(`there is no way to ${type.name} in the table`);
  const query = way.replace('FIELD', `${field.name}${args}${selection}`);
  const variables = {
    ...(query.includes('$id') && { id: subject.id }),
    ...(query.includes('$input') && { input }),
    ...(query.includes('$link') && { link }),
  };
  return { query, variables, token, subject };
}

/** The token of a link that the subject was really sent, for the fields that take one. */
async function linkFor(app: TestApp, name: string, subject: Person): Promise<string> {
  switch (name) {
    case 'Mutation.verifyEmail':
      return sentToken(app, subject.email, 'verify-email');
    case 'Mutation.confirmEmailChange':
      await subject.ask(REQUEST_EMAIL_CHANGE, { newEmail: `new-${subject.email}` });
      return sentToken(app, `new-${subject.email}`, 'change-email');
    case 'Mutation.resetPassword':
      await ask(app, REQUEST_PASSWORD_RESET, { email: subject.email });
      return sentToken(app, subject.email, 'reset-password');
    case 'Mutation.acknowledgeErasure':
    case 'ErasureAcknowledged.userId':
    case 'ErasureAcknowledged.participant':
    case 'ErasureAcknowledged.acknowledgedAt':
      await app.database.em.execute(announcementOf(subject.id));
      return acknowledgementOf(subject.id);
    default:
      return '';
  }
}

const OF_OPEN_ACCOUNTS = [
  'Mutation.login',
  'Mutation.refresh',
  'Mutation.verifyEmail',
  'Mutation.confirmEmailChange',
  'Mutation.resetPassword',
];

const MARKS: Record<string, string> = { FORBIDDEN: 'F', MISSING: 'M', EXPIRED: 'E', REVOKED: 'R' };

function mark(errors: readonly { extensions?: Record<string, unknown> }[]): string {
  const [error] = errors;
  if (!error) return '+';
  const { reason, code } = error.extensions ?? {};
  return MARKS[String(reason ?? code)] ?? String(code);
}

const keys = new LRUCache<string, string>({ max: 100_000 });
const cache = Cache.inMemory(createLog('silent'), keys);

describeApi(
  'the rules of the schema',
  (app) => {
    /** A closed account cannot sign in or refresh, and its links are worth nothing; that is no matter of rules. */
    const needsOpenAccount = (rule: FieldRule, kind: ViewerKind) =>
      kind === 'deleted user' && (OF_OPEN_ACCOUNTS.includes(rule.name) || rule.type.name === 'AuthPayload');

    test('are in the table, field by field', () => {
      expect(Object.keys(ACCESS_TABLE).sort()).toEqual(RULES.map(({ name }) => name).sort());
      expectCurrent('docs/access.md', accessPage(ACCESS_TABLE));
    });

    let readers: Map<ViewerKind, Awaited<ReturnType<typeof newViewer>>>;
    beforeAll(async () => {
      readers = new Map(await Promise.all(VIEWERS.map(async (kind) => [kind, await newViewer(app(), kind)] as const)));
    });

    const TYPES = [...Map.groupBy(RULES, ({ type }) => type.name)];

    test.each(TYPES)('of %s hold for every field and every kind of viewer (A21)', async (_, rules) => {
      const measured: Record<string, string> = {};
      for (const rule of rules) {
        const row: string[] = [];
        for (const kind of VIEWERS) row.push(await measure(rule, kind));
        measured[rule.name] = row.join(' ');
      }

      expect(measured).toEqual(Object.fromEntries(rules.map(({ name }) => [name, ACCESS_TABLE[name]])));
    });

    /** What a viewer gets. Where it is refused, nothing was looked up or changed for it. */
    async function measure(rule: FieldRule, kind: ViewerKind): Promise<string> {
      // What only reads changes no viewer, and finds an empty cache each time.
      const reader = WAYS[rule.type.name]?.startsWith('mutation') ? undefined : readers.get(kind);
      keys.clear();
      const { token, subject } = reader ?? (await newViewer(app(), kind));
      const somebody = needsOpenAccount(rule, kind) ? await member(app()) : subject;
      const { query, variables } = cell(rule, token, somebody, await linkFor(app(), rule.name, somebody));
      // What is sent on the side has its statements too.
      await allSent(app());
      const before = [await rowCounts(), keys.has(`gatehouse:user:${subject.id}`)];
      app().statements();
      const answer = await ask(app(), query, variables, token);
      const seen = mark(answer.errors);
      if (seen === '+') return seen;
      expect(answer.errors[0]?.path).toEqual(expect.arrayContaining([expect.any(String)]));
      expect(
        app()
          .statements()
          .filter((statement) => /^(insert|update|delete)/.test(statement)),
      ).toEqual([]);
      const viewersOwn = kind === 'member, on self' || kind === 'deleted user';
      const after = [await rowCounts(), keys.has(`gatehouse:user:${subject.id}`)];
      expect(viewersOwn ? after[0] : after).toEqual(viewersOwn ? before[0] : before);
      return seen;
    }

    test('a denial names the path of the field', async () => {
      const ada = await member(app());
      const { data, errors } = await ada.ask('query ($id: ID!) { user(id: $id) { id deletedAt } }', { id: ada.id });

      expect(data).toEqual({ user: { id: ada.id, deletedAt: null } });
      expect(errors).toMatchObject([{ path: ['user', 'deletedAt'], extensions: { code: 'FORBIDDEN' } }]);
    });

    test('aliases, fragments and directives are no way round (A21)', async () => {
      const [eve, ada] = [await member(app()), await member(app())];
      const query = `query ($id: ID!, $yes: Boolean!) {
        mine: user(id: "${eve.id}") { ...hidden }
        theirs: user(id: $id) @include(if: $yes) { ... on User { email } }
      }
      fragment hidden on User { x: deletedAt }`;

      const { data, errors } = await eve.ask(query, { id: ada.id, yes: true });

      expect(data).toEqual({ mine: { x: null }, theirs: null });
      expect(errors.map(({ path }) => path)).toEqual(expect.arrayContaining([['theirs'], ['mine', 'x']]));
    });

    test('whichever one is taken out of the schema is missed', async () => {
      // Those of limits are held by operation-limits.test.ts.
      const removals = directivesOf(buildUnguarded()).filter(({ directive }) => ['auth', 'errors'].includes(directive));
      const viewers = await Promise.all(VIEWERS.map(async (kind) => ({ kind, ...(await newViewer(app(), kind)) })));
      const caught: string[] = [];
      for (const { at, directive } of removals) {
        const schema = without(at, directive, app().services);
        if ((await failsToBuild(schema)) || (await isMissedByMatrix(schema, at, directive, viewers)))
          caught.push(`${at} ${directive}`);
      }

      expect(caught).toEqual(removals.map(({ at, directive }) => `${at} ${directive}`));
      const published = readFileSync('schema.graphql', 'utf8').match(/(?<!directive) @(auth|errors)\(/g);
      expect(removals).toHaveLength(published?.length ?? 0);
    });

    const rowCounts = () =>
      app().database.em.execute(
        'select (select count(*)::int from users) as users, (select count(*)::int from outbox) as events',
      );

    async function failsToBuild(schema: GraphQLSchema): Promise<boolean> {
      try {
        enforceRules(schema);
        return false;
      } catch (error) {
        return error instanceof RuleError;
      }
    }

    async function run(schema: GraphQLSchema, source: string, variableValues: Record<string, unknown>, token?: string) {
      const { authenticator } = app().services;
      const facts = {
        requestId: 'test',
        authorization: token && `Bearer ${token}`,
        client: { userAgent: null, ipAddress: null, language: Language.ENGLISH },
        cookies: null,
        execution: new Execution(60, new Turns()),
      };
      const contextValue = await createContext(facts, (...given) => authenticator.authenticate(...given));
      const { errors = [] } = await graphql({ schema, source, variableValues, contextValue });
      return errors;
    }

    /**
     * Asks again for the fields that the directive was on, in this process, and compares with the table or the listed
     * codes.
     */
    async function isMissedByMatrix(
      schema: GraphQLSchema,
      at: string,
      directive: string,
      viewers: { kind: ViewerKind; token: string | undefined; subject: Person }[],
    ): Promise<boolean> {
      const rules = RULES.filter(({ name, type }) => name === at || type.name === at);
      if (directive === 'errors') {
        // The first way to fail that the table of failures has: unlisted, it leaves as something else.
        const [[code, way] = []] = Object.entries(FAILURES[at] ?? {});
        if (!way) return false;
        const { query, variables, token } = await way(app());
        const errors = await run(schema, query, variables, token);
        return errors.length > 0 && errors[0]?.extensions?.code !== code;
      }
      for (const rule of rules) {
        const row: string[] = [];
        for (const { token, subject } of viewers) {
          const { query, variables } = cell(rule, token, subject);
          const errors = await run(schema, query, variables, token);
          row.push(mark(errors));
        }
        if (row.join(' ') !== ACCESS_TABLE[rule.name]) return true;
      }
      return false;
    }
  },
  { cache },
  // A purge would write on the side.
  { ...WITH_BILLING, DELETION_GRACE: 'P1D' },
);

/** Every place that has a directive of ours. */
function directivesOf(schema: GraphQLSchema): { at: string; directive: string }[] {
  return Object.values(schema.getTypeMap())
    .filter(isObjectType)
    .flatMap((type) => {
      const on = (at: string, node: { astNode?: { directives?: readonly { name: { value: string } }[] } | null }) =>
        (node.astNode?.directives ?? []).map(({ name }) => ({ at, directive: name.value }));
      const fields = Object.values(type.getFields()).flatMap((field) => on(`${type.name}.${field.name}`, field));
      return [...on(type.name, type), ...fields];
    });
}

function without(at: string, directive: string, services: Services): GraphQLSchema {
  const schema = buildUnguarded(services);
  const [typeName = '', fieldName] = at.split('.');
  const type = schema.getType(typeName);
  if (!isObjectType(type)) throw new Error(`${at} is not in the schema`);
  const node = fieldName ? type.getFields()[fieldName] : type;
  if (!node?.astNode) throw new Error(`${at} has no directives`);
  const directives = node.astNode.directives?.filter(({ name }) => name.value !== directive);
  Object.assign(node, { astNode: { ...node.astNode, directives } });
  return schema;
}

function accessPage(measured: Record<string, string>): string {
  const rules = rulesOf(createSchema());
  const rows = rules.map(({ name, access, codes }) => {
    const cells = (measured[name] ?? '').split(' ').join(' | ');
    return `| \`${name}\` | ${access} | ${cells} | ${codes.join(', ')} |`;
  });
  return `# Who may do what

Measured over HTTP by \`test/api/access.test.ts\`, which keeps this page current: every field of the schema, asked for by every kind of viewer. \`+\`
allowed; \`F\` is \`FORBIDDEN\`; \`M\`, \`E\` and \`R\` are \`UNAUTHENTICATED\` with the reason \`MISSING\`, \`EXPIRED\` or \`REVOKED\`. A field below the root is reached
through the root field that leads to it, so the stricter of all rules on the way shows.

| field | rule | ${VIEWERS.join(' | ')} | may fail with |
| --- | --- | ${VIEWERS.map(() => '---').join(' | ')} | --- |
${rows.join('\n')}

${rows.length} fields × ${VIEWERS.length} viewers = ${rows.length * VIEWERS.length} cells.
`;
}
