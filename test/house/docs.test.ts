import { execFile, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { type FieldNode, type OperationDefinitionNode, parse, print } from 'graphql';
import { type FieldRule, rulesOf } from '../../src/access/rules.js';
import { DEVELOPMENT_ADMIN, SETTINGS } from '../../src/config.js';
import { ERROR_CODES } from '../../src/errors.js';
import { buildUnguarded } from '../../src/schema.js';
import { createAdmin } from '../../src/user/first-admin.js';
import { describeApi } from '../support/app.js';
import { expectCurrent } from '../support/current-file.js';
import { type Page, sentToken } from '../support/links.js';
import { type Answer, ask, LOGIN } from '../support/people.js';
import { startApi } from '../support/processes.js';

const RULES = rulesOf(buildUnguarded());
const ROOT_RULES = RULES.filter(({ type }) => type.name === 'Query' || type.name === 'Mutation');
const README = readFileSync('README.md', 'utf8');
const EXAMPLES = readFileSync('examples.graphql', 'utf8');

/** An answer, indented, with what differs each time replaced by something alike. */
const steady = (answer: object) =>
  JSON.stringify(answer, null, 2)
    .replace(/eyJ[\w-]+\.[\w-]+\.[\w-]+/g, 'eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9…')
    .replace(/"(cursor|endCursor|startCursor|refreshToken|token)": "[\w-]+"/g, '"$1": "q83vEjRWeJCrze8…"')
    .replace(
      /\b(?!019362a5)[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[\da-f]{4}-[\da-f]{12}\b/g,
      '01a202b6-fbaf-75f2-9331-2626423344f6',
    )
    .replace(/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, '2026-11-22T10:04:36.442Z');

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
const LINKS: Record<string, [string, Page]> = {
  verifyEmail: ['ada@example.com', 'verify-email'],
  resetPassword: ['ada@example.com', 'reset-password'],
  confirmEmailChange: ['ada.lovelace@example.com', 'change-email'],
};

const CREDENTIALS_AFTER: Record<string, { email?: string; password?: string }> = {
  ChangePassword: { password: 'a quite different one' },
  ResetPassword: { password: 'the third and best one' },
  ConfirmEmailChange: { email: 'ada.lovelace@example.com' },
};

describeApi('docs/api.md', (app) => {
  test('has every operation with its rule, its codes, an example and its answer', async () => {
    await createAdmin(app().database.em, app().audit, app().passwords, DEVELOPMENT_ADMIN);
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
      const variables = variablesOf(operation, known);
      const token = isNew ? undefined : comment.startsWith('Admins') ? tokens.admin : tokens.ada;
      const answer = await ask(app(), print(operation), variables, token);
      expect([name, answer.errors]).toEqual([name, []]);
      if (name === 'Login') tokens.admin = answer.data.login.accessToken;
      Object.assign(ada, CREDENTIALS_AFTER[name]);
      const rule = ROOT_RULES.find((rule) => rule.field.name === field);
      sections.push(section(rule as FieldRule, comment, operation, variables, answer));
    }

    expect(examples.map(({ field }) => field).sort()).toEqual(ROOT_RULES.map(({ field }) => field.name).sort());
    expectCurrent('docs/api.md', `${INTRODUCTION}\n${sections.join('\n')}`);
  });
});

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

const hasCurl = spawnSync('curl', ['--version']).status === 0;

/** Skipped by name where there is no curl, unless nothing may be missing. */
const testWithCurl = (name: string, body: () => Promise<void>) =>
  hasCurl || process.env.REQUIRE_SERVERS === '1'
    ? test(name, body)
    : test.skip(`${name} (missing on this machine: curl)`, body);

describe('README.md', () => {
  const blocks = [...README.matchAll(/```(\w+)\n([\s\S]*?)```/g)].map(([, language = '', text = '']) => ({
    language,
    text,
  }));

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

  test('every other command of it is a script of package.json, or of Docker Compose', () => {
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
    const commands = blocks
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

  test('its tables have every operation, code and setting', () => {
    const cells = new Set([...README.matchAll(/^\| `(\w+)` /gm)].map(([, name]) => name));
    const names = [...ROOT_RULES.map(({ field }) => field.name), ...Object.keys(ERROR_CODES), ...SETTINGS];

    expect(names.filter((name) => !cells.has(name))).toEqual([]);
    for (const { field, access } of ROOT_RULES)
      expect(README).toMatch(new RegExp(`^\\| \`${field.name}\` .*\\| ${access} `, 'm'));
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
