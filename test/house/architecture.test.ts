// Imports go down only, and each room sees only what it may; the imports of all files are read.

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from '@jest/globals';
// @ts-expect-error: a script, which runs without being built
import { floorsOf, readRooms } from './floors.js';

const files = ['src', 'consumer', 'migrations']
  .flatMap((folder) => readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)))
  .filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'))
  .concat('mikro-orm.config.ts');

interface Import {
  from: string;
  to: string;
  typeOnly: boolean;
}

const imports: Import[] = files.flatMap((from) =>
  [...readFileSync(from, 'utf8').matchAll(/^(?:import|export) (type )?[^;]*?from '([^']+)'|^import '([^']+)'/gm)].map(
    ([, typeOnly, named, bare]) => {
      const specifier = named ?? bare ?? '';
      const to = specifier.startsWith('.')
        ? normalize(join(dirname(from), specifier)).replace(/\.js$/, '.ts')
        : specifier;
      return { from, to, typeOnly: typeOnly !== undefined };
    },
  ),
);

const offending = (test: (found: Import) => boolean) => imports.filter(test).map(({ from, to }) => `${from} → ${to}`);

describe('who may import whom', () => {
  test('the rules see imports at all', () => {
    expect(imports.length).toBeGreaterThan(100);
    expect(files.length).toBeGreaterThan(40);
  });

  test('imports go down only: no room imports one that leads back to it', () => {
    const { floors, inCircles } = floorsOf(readRooms());

    expect(inCircles).toEqual([]);
    expect(floors.length).toBeGreaterThan(5);
  });

  test('a circle is found, type imports too', () => {
    const rooms = new Map([
      ['high', new Map([['low', ['a → b']]])],
      ['low', new Map([['high', ['b → a']]])],
      ['ground', new Map()],
    ]);

    expect(floorsOf(rooms)).toEqual({ floors: [['ground']], inCircles: ['high', 'low'] });
  });

  test('what lies loose in src is the start and a few leaves', () => {
    const loose = files.filter((path) => dirname(path) === 'src').map((path) => path.slice(4, -3));

    expect(loose.sort()).toEqual(['api', 'app', 'errors', 'log', 'main', 'schema', 'services']);
  });

  test('the context is seen by resolvers and payloads, and by what makes and guards it', () => {
    const allowed =
      /\.(resolver|payload)\.ts$|^src\/(graphql|request)\/|^src\/(app|schema)\.ts$|^src\/http\/(http|graphql)\.ts$/;

    expect(offending(({ from, to }) => to === 'src/request/context.ts' && !allowed.test(from))).toEqual([
      // Makes the viewer of a context.
      'src/auth/authenticator.ts → src/request/context.ts',
    ]);
  });

  test('the API knows the consumer only where it is embedded', () => {
    expect(
      offending(({ from, to }) => from.startsWith('src/') && to.startsWith('consumer/') && from !== 'src/api.ts'),
    ).toEqual([]);
  });

  test('the consumer knows of the API its events, mail, deletions, records, secrets, settings, log and database', () => {
    const allowed =
      /^src\/(events\/(events|parse|topology|broker|confirmed|outbox\.entity)|mail\/[\w.-]+|deletion\/[\w.-]+|audit\/[\w.-]+|keys\/(secrets|erased-marks|acknowledgements)|config\/[\w-]+|database\/(database|outage)|process\/[\w-]+|retention\/[\w-]+|request\/actor|text\/ip-address|user\/user\.entity|errors|log)\.ts$/;

    expect(
      offending(({ from, to }) => from.startsWith('consumer/') && to.startsWith('src/') && !allowed.test(to)),
    ).toEqual([]);
  });

  test.each([
    [
      'rascal',
      /^src\/events\/(topology|broker|confirmed|rabbit-bus)\.ts$|^consumer\/(rabbit-consumer|answers|handle-message|receive-\w+)\.ts$/,
    ],
    ['ajv', /^src\/events\/parse\.ts$/],
    ['ajv-formats', /^src\/events\/parse\.ts$/],
    ['keyv', /^src\/cache\/cache\.ts$/],
    ['@keyv/redis', /^src\/cache\/cache\.ts$/],
    ['@redis/client', /^src\/cache\/redis\.ts$/],
    ['bcrypt', /^$/],
    ['graphql-jit', /^src\/graphql\/compiled-operation\.ts$/],
    ['@aws-sdk/client-s3', /^consumer\/archive\/s3-archive\.ts$/],
    ['piscina', /^src\/password\/hash-pool\.ts$/],
    ['rate-limiter-flexible', /^src\/throttle\/counters\.ts$/],
    ['nodemailer', /^src\/mail\/smtp-mailer\.ts$/],
    ['negotiator', /^src\/(request\/language|http\/graphql)\.ts$/],
    ['tr46', /^src\/user\/host-name\.ts$/],
    ['jsonwebtoken', /^src\/keys\/(access-token|acknowledgements)\.ts$/],
    ['dataloader', /^(src\/(user\/(role|user)|session\/session)\.service|consumer\/receive-event)\.ts$/],
    ['fastify', /^src\/(app|http\/(http|graphql|http-errors|metrics|pages\/(pages|explorer)))\.ts$/],
    ['@fastify/static', /^src\/http\/pages\/explorer\.ts$/],
    ['prom-client', /^src\/observability\/metrics\.ts$/],
    ['@electric-sql/pglite', /^mikro-orm\.config\.ts$/],
    ['kysely', /^src\/database\/postgres-driver\.ts$/],
    ['pg', /^src\/database\/database\.ts$/],
    [
      '@apollo/server',
      /^src\/(app|http\/(graphql|pages\/landing-page)|graphql\/(error-formatter|request-checks|operation-checks))\.ts$/,
    ],
  ])('%s is named only in its own files', (name, allowed) => {
    const found = offending(({ from, to }) => (to === name || to.startsWith(`${name}/`)) && !allowed.test(from));

    expect(found).toEqual([]);
  });

  test('services know nothing of Apollo, HTTP, Keyv or Rascal', () => {
    const outer = /^(@apollo|fastify|keyv|@keyv|rascal|graphql$)/;

    expect(offending(({ from, to }) => from.endsWith('.service.ts') && outer.test(to))).toEqual([]);
  });

  test('resolvers reach the world through their context', () => {
    const allowed = /(^type-graphql$|context|entity|inputs|connection|loader|payload|email-address|user\/node)/;

    expect(
      offending(({ from, to, typeOnly }) => from.endsWith('.resolver.ts') && !typeOnly && !allowed.test(to)),
    ).toEqual([]);
  });

  test('the environment is read in one place', () => {
    const reads = files.filter((path) => /process\.env/.test(readFileSync(path, 'utf8')));

    expect(reads).toEqual(['src/config/config.ts']);
  });

  test('no file is a barrel, and nothing goes round in a circle', () => {
    const graph = new Map(
      files.map((path) => [
        path,
        imports.filter((found) => found.from === path && !found.typeOnly).map(({ to }) => to),
      ]),
    );
    const circles: string[] = [];
    const walk = (path: string, trail: string[]): void => {
      if (trail.includes(path)) circles.push([...trail.slice(trail.indexOf(path)), path].join(' → '));
      else for (const next of graph.get(path) ?? []) walk(next, [...trail, path]);
    };
    for (const path of files) walk(path, []);

    expect(files.filter((path) => path.endsWith('index.ts'))).toEqual([]);
    expect(circles).toEqual([]);
  });
});
