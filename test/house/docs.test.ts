// Documentation says what the code does; its queries and commands are run, its links followed, its tables generated.

import { execFile, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import {
  type FieldNode,
  isInputObjectType,
  isObjectType,
  type OperationDefinitionNode,
  parse,
  print,
  validate,
} from 'graphql';
import { createAdmin } from '../../src/account/first-admin.js';
import { DEVELOPMENT_ADMIN } from '../../src/config/config.js';
import { SETTING_NAMES, SETTINGS } from '../../src/config/settings.js';
import { ERROR_CODES } from '../../src/errors.js';
import { MAX_FRAGMENTS, MAX_LINES, MAX_TOKENS } from '../../src/graphql/document-rules.js';
import { INPUT_LIMITS } from '../../src/graphql/input-bounds.js';
import { OPERATION_LIMITS } from '../../src/graphql/operation-limits.js';
import { type FieldRule, rulesOf } from '../../src/graphql/rules.js';
import { CONNECTION_LIMITS } from '../../src/http/connections.js';
import { MAX_ANSWER_BYTES } from '../../src/http/graphql.js';
import { MAX_BODY_BYTES } from '../../src/http/http-errors.js';
import type { LinkPage } from '../../src/mail/link-pages.js';
import { MAX_OF_ALL, MAX_OF_NETWORK } from '../../src/password/hash-pool.js';
import { buildUnguarded } from '../../src/schema.js';
import { LIMIT_NAMES, LIMITS, limitOf } from '../../src/throttle/limits.js';
import { describeApi } from '../support/app.js';
import { expectCurrent } from '../support/current-file.js';
import { eventually } from '../support/eventually.js';
import { sentToken } from '../support/links.js';
import { acknowledgementOf, WITH_BILLING } from '../support/participants.js';
import { type Answer, ask, LOGIN } from '../support/people.js';
import { startApi } from '../support/processes.js';

const SCHEMA = buildUnguarded();
const RULES = rulesOf(SCHEMA);
const ROOT_RULES = RULES.filter(({ type }) => type.name === 'Query' || type.name === 'Mutation');
const README = readFileSync('README.md', 'utf8');
const EXAMPLES = readFileSync('examples.graphql', 'utf8');

/** An answer, indented, with what differs each time replaced by something alike. */
const steady = (answer: object) =>
  JSON.stringify(answer, null, 2)
    .replace(/eyJ[\w-]+\.[\w-]+\.[\w-]+/g, 'eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9…')
    .replace(/"(cursor|endCursor|startCursor|refreshToken|deviceToken|token)": "[\w-]+"/g, '"$1": "q83vEjRWeJCrze8…"')
    .replace(
      /\b(?!019362a5)[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[\da-f]{4}-[\da-f]{12}\b/g,
      '01a202b6-fbaf-75f2-9331-2626423344f6',
    )
    .replace(/"expiresIn": \d+/g, '"expiresIn": 2591999')
    .replace(/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)/g, '2026-11-22T10:04:36.442Z');

interface Example {
  name: string;
  field: string;
  comment: string;
  operation: OperationDefinitionNode;
}

const examples: Example[] = (parse(EXAMPLES).definitions as OperationDefinitionNode[]).map((operation) => {
  const before = EXAMPLES.slice(0, operation.loc?.start).trimEnd().split('\n').at(-1) ?? '';
  const [root] = operation.selectionSet.selections as FieldNode[];
  return {
    name: operation.name?.value ?? '',
    field: root?.name.value ?? '',
    comment: before.replace(/^# /, ''),
    operation,
  };
});

/** Where the token of an example was sent, and for what. */
const LINKS: Record<string, [string, LinkPage]> = {
  verifyEmail: ['ada@example.com', 'verify-email'],
  resetPassword: ['ada@example.com', 'reset-password'],
  confirmEmailChange: ['ada.lovelace@example.com', 'change-email'],
};

const CREDENTIALS_AFTER: Record<string, { email?: string; password?: string }> = {
  ChangePassword: { password: 'a quite different one' },
  ResetPassword: { password: 'the third and best one' },
  ConfirmEmailChange: { email: 'ada.lovelace@example.com' },
};

const NGINX_REQUESTS = Number(/limit_conn client (\d+)/.exec(readFileSync('nginx/nginx.conf.template', 'utf8'))?.[1]);

describeApi(
  'docs/api.md',
  (app) => {
    test('has every operation with its rule, its codes, an example and its answer', async () => {
      await createAdmin(app().services.audit, app().passwords, DEVELOPMENT_ADMIN);
      const known: Record<string, string> = { ...DEVELOPMENT_ADMIN };
      const tokens: Record<string, string> = {};
      const ada = { email: 'ada@example.com', password: 'correct horse battery' };
      const sections: string[] = [];
      for (const { name, field, comment, operation } of examples) {
        const isNew = name === 'Register';
        if (!isNew) {
          // Anew each time, for some of them end the session that they are sent with.
          const { data } = await ask(app(), LOGIN, { input: ada });
          if (data) {
            const { user, refreshToken, session, accessToken } = data.login;
            Object.assign(known, { id: user.id, refreshToken, sessionId: session.id });
            tokens.ada = accessToken;
          }
        }
        const link = LINKS[field];
        if (link) known.token = await sentToken(app(), ...link);
        if (known.id) known.acknowledgement = acknowledgementOf(known.id);
        const variables = variablesOf(operation, known);
        if (name === 'UserDeletion') await eventually(() => expect(app().logged()).toContain('"step":"purge"'));
        const token = isNew ? undefined : comment.startsWith('Admins') ? tokens.admin : tokens.ada;
        const answer = await ask(app(), print(operation), variables, token);
        expect([name, answer.errors]).toEqual([name, []]);
        if (name === 'Login') tokens.admin = answer.data.login.accessToken;
        Object.assign(ada, CREDENTIALS_AFTER[name]);
        const rule = ROOT_RULES.find((rule) => rule.field.name === field);
        sections.push(
          section(
            rule as FieldRule,
            comment,
            operation,
            variables,
            name === 'ExportMyData' ? shortened(answer) : answer,
          ),
        );
      }

      expect(examples.map(({ field }) => field).sort()).toEqual(ROOT_RULES.map(({ field }) => field.name).sort());
      expectCurrent('docs/api.md', `${INTRODUCTION}\n${sections.join('\n')}`);
    });
  },
  {},
  WITH_BILLING,
);

/** The first rows of two tables: all others take pages, and change from run to run. */
function shortened({ data, ...answer }: Answer): Answer {
  const { users, sessions } = data.exportMyData.data;
  return {
    ...answer,
    data: { exportMyData: { ...data.exportMyData, data: { users, sessions: sessions.slice(0, 1) } } },
  };
}

const variablesOf = ({ variableDefinitions = [] }: OperationDefinitionNode, known: Record<string, string>) =>
  Object.fromEntries(
    variableDefinitions
      .filter(({ type }) => type.kind === 'NonNullType')
      .map(({ variable }) => [variable.name.value, known[variable.name.value]]),
  );

const INTRODUCTION = `# The API, operation by operation

Generated from the schema and \`examples.graphql\` by \`test/house/docs.test.ts\`, which runs every example and keeps this page current. All of it is one
endpoint, \`POST /graphql\`. Ids, tokens, times and cursors are replaced by others of their kind.
`;

function section(
  rule: FieldRule,
  comment: string,
  operation: OperationDefinitionNode,
  variables: object,
  { data }: Answer,
): string {
  const codes = rule.codes.length > 0 ? rule.codes.map((code) => `\`${code}\``).join(', ') : 'none of its own';
  const given = Object.keys(variables).length > 0 ? `\nVariables:\n\n\`\`\`json\n${steady(variables)}\n\`\`\`\n` : '';
  return `## ${rule.field.name}

${rule.field.description}

- **Rule**: \`${rule.access}\`. ${comment}
- **Codes**: ${codes}

\`\`\`graphql
${print(operation)}
\`\`\`
${given}
Answer:

\`\`\`json
${steady({ data })}
\`\`\`
`;
}

/** Where a sentence may hold an operation: comments, descriptions, and code within a line of Markdown. */
const SENTENCES: Record<string, string[]> = Object.fromEntries([
  ['examples.graphql', EXAMPLES.match(/^#.*$/gm) ?? []],
  ['schema.graphql', readFileSync('schema.graphql', 'utf8').match(/"""[\s\S]*?"""/g) ?? []],
  ...[
    'README.md',
    'CONTRIBUTING.md',
    ...readdirSync('docs')
      .filter((name) => name.endsWith('.md'))
      .map((name) => `docs/${name}`),
  ].map((path) => [
    path,
    readFileSync(path, 'utf8')
      .replace(/^```[\s\S]*?^```/gm, '')
      .match(/`[^`\n]+`/g) ?? [],
  ]),
]);

/** `users { … }` or `refresh(input: { … })` of a sentence, to the bracket that closes the last one. */
function* fieldsIn(sentence: string): Generator<{ name: string; text: string }> {
  const names = ROOT_RULES.map(({ field }) => field.name).join('|');
  for (const { 1: name = '', index } of sentence.matchAll(new RegExp(`\\b(${names}) ?[({]`, 'g'))) {
    let [end, depth] = [index + name.length, 0];
    do {
      const next = /^ ?[^(){}]*?[(){}]/.exec(sentence.slice(end))?.[0];
      if (next === undefined) break;
      depth += /[({]$/.test(next) ? 1 : -1;
      end += next.length;
    } while (depth > 0 || /^ ?\{/.test(sentence.slice(end)));
    yield { name, text: sentence.slice(index, end) };
  }
}

describe('operations that are written down', () => {
  const complaints = (document: string) => validate(SCHEMA, parse(document)).map(({ message }) => message);

  test('of examples.graphql fit the schema', () => {
    expect(complaints(EXAMPLES)).toEqual([]);
  });

  test('within a sentence fit the schema', () => {
    const found = Object.entries(SENTENCES).flatMap(([path, sentences]) =>
      sentences.flatMap((sentence) => [...fieldsIn(sentence)].map((field) => ({ path, ...field }))),
    );

    for (const { path, name, text } of found) {
      const kind = ROOT_RULES.find(({ field }) => field.name === name)?.type.name.toLowerCase();
      const selected = text.endsWith('}') ? text : `${text} { __typename }`;
      expect([path, text, complaints(`${kind} { ${selected} }`)]).toEqual([path, text, []]);
    }
    expect(found.map(({ path }) => path)).toEqual(expect.arrayContaining(['examples.graphql', 'docs/sessions.md']));
  });

  test('name only fields that there are', () => {
    const named = Object.values(SENTENCES)
      .flat()
      .flatMap((sentence) => [...sentence.matchAll(/`([A-Z]\w+)\.(\w+)`/g)])
      .map(([, type = '', field = '']) => ({ type: SCHEMA.getType(type), name: `${type}.${field}`, field }));

    const unknown = named.filter(
      ({ type, field }) => (isObjectType(type) || isInputObjectType(type)) && !(field in type.getFields()),
    );
    expect(named.length).toBeGreaterThan(0);
    expect(unknown.map(({ name }) => name)).toEqual([]);
  });
});

const hasCurl = spawnSync('curl', ['--version']).status === 0;

/** Skipped by name where there is no curl, unless nothing may be missing. */
const testWithCurl = (name: string, body: () => Promise<void>) =>
  hasCurl || process.env.REQUIRE_SERVERS === '1'
    ? test(name, body)
    : test.skip(`${name} (missing on this machine: curl)`, body);

describe('README.md', () => {
  const blocksOf = (page: string) =>
    [...page.matchAll(/```(\w+)\n([\s\S]*?)```/g)].map(([, language = '', text = '']) => ({ language, text }));
  const blocks = blocksOf(README);

  testWithCurl('its commands do what it says', async () => {
    await using api = await startApi({});
    const curls = blocks.filter(({ language, text }) => language === 'sh' && text.startsWith('curl'));
    expect(curls.length).toBeGreaterThan(0);
    for (const { text } of curls) {
      const { stdout } = await promisify(execFile)('bash', ['-c', text.replaceAll('http://localhost:4000', api.url)]);
      const promised = blocks[blocks.findIndex((block) => block.text === text) + 1];
      expect(promised?.language).toBe('json');
      expect(steady(JSON.parse(stdout))).toBe(steady(JSON.parse(promised?.text ?? '')));
    }
  });

  test('its queries are answered', async () => {
    await using api = await startApi({});
    const { data } = await api.ask('mutation ($input: LoginInput!) { login(input: $input) { accessToken } }', {
      input: DEVELOPMENT_ADMIN,
    });
    const queries = blocks.filter(({ language }) => language === 'graphql');
    expect(queries.length).toBeGreaterThan(0);
    for (const { text } of queries) {
      const answer = await api.ask(text, {}, data.login.accessToken);
      expect([text, answer.errors]).toEqual([text, []]);
    }
  });

  test('every other command of it, and of the pages about commands, is a script of package.json, or of Docker Compose', () => {
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
    const commands = [
      README,
      ...['import', 'audit', 'benchmarks', 'limits', 'persisted-operations'].map((name) =>
        readFileSync(`docs/${name}.md`, 'utf8'),
      ),
    ]
      .flatMap(blocksOf)
      .filter(({ language, text }) => language === 'sh' && !text.startsWith('curl'))
      .flatMap(({ text }) => text.split(/\n|&&/))
      .map((command) => command.replace(/#.*/, '').trim())
      .filter(Boolean);

    for (const command of commands) {
      const [, script] = /^npm (?:run )?([\w:]+)/.exec(command) ?? [];
      const known =
        script === 'ci' ||
        (script !== undefined && script in scripts) ||
        /^(git clone|cd|docker compose) /.test(command);
      expect([command, known]).toEqual([command, true]);
    }
  });

  test('is short enough to be read', () => {
    expect(README.split('\n').length).toBeLessThan(200);
  });
});

describe('tables of the documentation', () => {
  const table = (head: string[], rows: string[][]) =>
    [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
  const codesOf = (codes: readonly string[]) => codes.map((code) => `\`${code}\``).join(', ');

  test('docs/operations.md has every operation with its rule and codes', () => {
    const rows = ROOT_RULES.map(({ field, access, codes }) => [
      `\`${field.name}\``,
      String(field.description).replaceAll('\n', ' '),
      access,
      codesOf(codes),
    ]);

    expectCurrent('docs/operations.md', `${OPERATIONS_HEAD}\n${table(['operation', 'does', 'rule', 'codes'], rows)}\n`);
  });

  test('docs/errors.md has every code', () => {
    const rows = Object.entries(ERROR_CODES).map(([code, means]) => [`\`${code}\``, means]);

    expectCurrent('docs/errors.md', `${ERRORS_HEAD}\n${table(['code', 'means'], rows)}\n`);
  });

  test('docs/settings.md has every setting, and who needs it', () => {
    const rows = SETTING_NAMES.map((name) => {
      const { default: inWords, fallback, description, needed } = SETTINGS[name];
      const value = inWords ?? (fallback === null ? '' : `\`${fallback}\``);
      const needing = needed?.by.map((program) => `\`${program}\``).join(', ') ?? '';
      return [`\`${name}\``, value, description, needing];
    });

    expectCurrent(
      'docs/settings.md',
      `${SETTINGS_HEAD}\n${table(['setting', 'default', 'meaning', 'needed in production by'], rows)}\n`,
    );
  });

  test('docs/limits.md has every limit', () => {
    const attempts = LIMIT_NAMES.map((name) => {
      const { most, seconds } = limitOf(LIMITS, name);
      return [`\`${name}\``, most.toLocaleString('en'), seconds.toLocaleString('en')];
    });
    const others = [
      ['bytes of a body', MAX_BODY_BYTES, '`BODY_TOO_LARGE`'],
      ['words and signs of a document', MAX_TOKENS, '`TOO_MANY_TOKENS`'],
      ['lines of a document', MAX_LINES, '`TOO_MANY_LINES`'],
      ['fragments of a document', MAX_FRAGMENTS, '`TOO_MANY_FRAGMENTS`'],
      ['items of a list in variables or the document', INPUT_LIMITS.items, '`BAD_USER_INPUT`'],
      ['bytes of an answer to a query', MAX_ANSWER_BYTES, '`RESPONSE_TOO_LARGE`'],
      ['seconds of an operation (`EXECUTION_TIMEOUT_SECONDS`)', 10, '`EXECUTION_TIMEOUT`'],
      ['seconds of a statement (the same)', 10, '`SERVICE_OVERLOADED`'],
      ['connections of one network', CONNECTION_LIMITS.network, 'the oldest that has brought no request is closed'],
      ['connections of all', CONNECTION_LIMITS.total, 'the newest is closed'],
      ['requests of one client under way at nginx', NGINX_REQUESTS, 'the next is answered with 429, `RATE_LIMITED`'],
      ['hashes of one network, waiting or running', MAX_OF_NETWORK, '`SERVICE_OVERLOADED`'],
      ['hashes of all', MAX_OF_ALL, '`SERVICE_OVERLOADED`'],
    ].map(([what, most, code]) => [String(what), most?.toLocaleString('en') ?? '', String(code)]);
    const operation = Object.values(OPERATION_LIMITS).map(({ most, code, what }) => [
      what,
      most.toLocaleString('en'),
      `\`${code}\``,
    ]);

    expectCurrent(
      'docs/limits.md',
      `${LIMITS_HEAD}\n${table(['limit', 'most', 'in seconds'], attempts)}\n\n${OPERATION_LIMITS_HEAD}\n${table(['what', 'most', 'beyond it'], [...operation, ...others])}\n`,
    );
  });
});

const GENERATED = '<!-- Made by `UPDATE_DOCS=1 npm test -- --selectProjects house`. Change what it is made from. -->';

const OPERATIONS_HEAD = `# Operations
${GENERATED}

There is one endpoint, \`POST /graphql\`. [api.md](api.md) has each operation with an example and its answer;
[\`schema.graphql\`](../schema.graphql) is the contract.

Rules: \`PUBLIC\` anyone; \`SIGNED_IN\` any signed-in user; \`SELF_OR_ADMIN\` the user it is about, or an admin; \`ADMIN\`
admins. A member who asks for somebody else gets \`FORBIDDEN\` before anything is looked up. [access.md](access.md) has
every field for every kind of viewer.

\`register\` tells that an address is taken (\`EMAIL_TAKEN\`), because it signs in at once. Operations that send mail do
not: they answer and cost the same whether or not an account has the address.
`;

const ERRORS_HEAD = `# Errors
${GENERATED}

Every error has \`extensions.code\`, one of these. \`path\` or \`issues\` name the place in the input, never the value. Any
field may also fail with \`UNAUTHENTICATED\`, \`FORBIDDEN\`, \`RATE_LIMITED\` or \`SERVICE_OVERLOADED\`. Each answer has the
header \`x-request-id\`, which the log has, too.

The status is 200 where anything of the operation ran. A request that cannot be run has 400; clients that name
\`application/json\` in \`Accept\`, and not \`application/graphql-response+json\`, get 200 for it, as GraphQL over HTTP has
it for them. Where all of an operation failed and may be tried later, \`RATE_LIMITED\` has 429 and
\`SERVICE_OVERLOADED\` 503, both with \`Retry-After\`.

In production an error has no name of the schema that the client did not send. A document that does not fit is told
\`The document does not fit the schema.\`, and no more: check it against \`schema.graphql\`.
`;

const SETTINGS_HEAD = `# Settings
${GENERATED}

Settings are variables of the environment. Each may also be given as \`NAME_FILE\`, the path of a file that holds the value.
[\`.env.example\`](../.env.example) has them all. Mistakes, contradictions and misspelt names are listed together, and
nothing starts. An \`HSTS\` that is taken back does not reach browsers before their year is over: start with \`host\`.
`;

const LIMITS_HEAD = `# Limits
${GENERATED}

## Attempts

Attempts are counted where their work is done, before it is. A refusal has the code \`RATE_LIMITED\` with
\`retryAfterSeconds\`, the status 429 and the header \`Retry-After\`. It is the same for an address without an account.

\`account\` is an e-mail address for \`login\`, \`register\` and \`requestPasswordReset\`; the user for
\`requestEmailVerification\`; the session for \`refresh\`, \`changePassword\` and \`requestEmailChange\`; the token for
\`useLink\`, which is \`resetPassword\`, \`verifyEmail\` and \`confirmEmailChange\`. \`network\` is an IPv4 address or an IPv6
/64. Each time begins with the first attempt.

- \`login.account\` counts failed sign-ins from unknown devices. A sign-in answers \`deviceToken\`; a device that sends it
  with its next login is known, and only \`login.device\` counts for it. So strangers keep no owner out.
- \`login.failures\` are failed sign-ins of one network for one account. Beyond it each has to wait, 1 second first,
  then twice as long as before, up to 15 minutes.
- \`mail.recipient\` are mails that somebody asks for. Notices of changes are always sent.

Counts are kept in Redis, without addresses of accounts. While Redis does not answer, each instance counts for itself and
allows a fifth. Other values are set by \`LIMITS\`. An operator sees and resets counts:

\`\`\`sh
npm run limits:show                                   # those that are reached
npm run limits:show -- --account ada@example.com      # or --network 192.0.2.1, or --all
npm run limits:reset -- --account ada@example.com     # or --network 192.0.2.1, or --all
\`\`\`

In a container the same is \`node dist/src/commands/limits-show.js\` and \`limits-reset.js\`.
`;

const OPERATION_LIMITS_HEAD = `## One request

A refusal has \`limit\`. What it refuses before the execution does not run at all. Operations that cost more than 100 run one
after the other, so small requests need not wait for many of them.
`;

describe('docs/asvs.md and SECURITY.md', () => {
  const pages = ['docs/asvs.md', 'SECURITY.md'].map((path) => readFileSync(path, 'utf8')).join('\n');

  test('name suites that there are, and tests that are in them', () => {
    const named = [...pages.matchAll(/`(test\/[\w./-]+\.test\.ts)`(?:: "([^"]+)")?/g)];
    const missing = named.filter(
      ([, path = '', title = '']) =>
        !existsSync(path) || !readFileSync(path, 'utf8').replaceAll("\\'", "'").includes(title),
    );

    expect(named.length).toBeGreaterThan(80);
    expect(missing.map(([reference]) => reference)).toEqual([]);
  });

  test('have each attack from A1 to A37, with a suite that has a test of its name', () => {
    const rows = [...pages.matchAll(/^\| ((?:A\d+(?:, )?)+) \| .*$/gm)].flatMap(([row, ids = '']) =>
      ids.split(', ').map((id) => ({ id, suites: row.match(/test\/[\w./-]+\.test\.ts/g) ?? [] })),
    );
    const isNamed = (id: string) => new RegExp(`^(?!//).*\\((A\\d+, )*${id}[,)]`, 'm');
    const untested = rows.filter(
      ({ id, suites }) => !suites.some((path) => isNamed(id).test(readFileSync(path, 'utf8'))),
    );

    expect(rows.map(({ id }) => id)).toEqual(Array.from({ length: 37 }, (_, at) => `A${at + 1}`));
    expect(untested).toEqual([]);
  });
});

describe('docs/architecture.md', () => {
  test('names each decision', () => {
    const map = readFileSync('docs/architecture.md', 'utf8');
    const decisions = readdirSync('docs/decisions');

    expect(decisions.length).toBeGreaterThan(30);
    expect(decisions.filter((name) => !map.includes(`(decisions/${name})`))).toEqual([]);
  });
});

describe('links of the documentation', () => {
  const pages = [
    'README.md',
    'CONTRIBUTING.md',
    'SECURITY.md',
    'CHANGELOG.md',
    'packages/client/README.md',
    'packages/participant/README.md',
    'examples/web/README.md',
  ].concat(
    readdirSync('docs', { recursive: true, encoding: 'utf8' }).flatMap((name) =>
      name.endsWith('.md') ? [join('docs', name)] : [],
    ),
  );
  const anchorsOf = (path: string) =>
    [...readFileSync(path, 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
      title
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    );

  test('lead somewhere', () => {
    const broken = pages.flatMap((page) =>
      [...readFileSync(page, 'utf8').matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)/g)].flatMap(
        ([link, path = '', anchor]) => {
          const target = path === '' ? page : join(dirname(page), path);
          const leads = existsSync(target) && (anchor === undefined || anchorsOf(target).includes(anchor));
          return leads ? [] : [`${page}: ${link}`];
        },
      ),
    );

    expect(pages.length).toBeGreaterThan(20);
    expect(broken).toEqual([]);
  });
});

describe('requests.http', () => {
  test('is a journey that works', async () => {
    await using api = await startApi({});
    const answers: Record<string, unknown> = {};
    const requests = readFileSync('requests.http', 'utf8')
      .split(/^### .*$/m)
      .slice(1);
    for (const request of requests) {
      const filled = request.replaceAll(/\{\{(\w+)\.response\.body\.([\w.]+)\}\}/g, (_, name: string, path: string) =>
        String(path.split('.').reduce<unknown>((value, key) => (value as Record<string, unknown>)[key], answers[name])),
      );
      const [, name] = /# @name (\w+)/.exec(request) ?? [];
      const [, token] = /^Authorization: Bearer (\S+)$/m.exec(filled) ?? [];
      const { query, variables } = JSON.parse(filled.slice(filled.indexOf('\n{')));
      const answer = await api.ask(query, variables, token);
      expect([request, answer.errors]).toEqual([request, []]);
      if (name) answers[name] = answer;
    }

    expect(requests).toHaveLength(6);
  });
});
