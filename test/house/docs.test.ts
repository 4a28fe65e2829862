// Documentation says what the code does; its queries and commands are run, and its links followed.

import { execFile, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { isInputObjectType, isObjectType, parse, validate } from 'graphql';
import { DEVELOPMENT_ADMIN } from '../../src/config/config.js';
import { startApi } from '../support/processes.js';
import { ROOT_RULES, SCHEMA } from '../support/root-rules.js';
import { steady } from '../support/steady.js';

const README = readFileSync('README.md', 'utf8');
const EXAMPLES = readFileSync('examples.graphql', 'utf8');

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
