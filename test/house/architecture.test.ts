import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from '@jest/globals';

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

  test('the API knows the consumer only where it is embedded', () => {
    expect(
      offending(({ from, to }) => from.startsWith('src/') && to.startsWith('consumer/') && from !== 'src/main.ts'),
    ).toEqual([]);
  });

  test('the consumer knows of the API its events, mail, settings, log and database', () => {
    const allowed =
      /^src\/(events\/(events|parse|topology|broker|confirmed)|mail\/[\w-]+(\.entity)?|user\/user\.entity|config|log|database|process|node-version)\.ts$/;

    expect(
      offending(({ from, to }) => from.startsWith('consumer/') && to.startsWith('src/') && !allowed.test(to)),
    ).toEqual([]);
  });

  test.each([
    [
      'rascal',
      /^src\/events\/(topology|broker|confirmed|rabbit-bus)\.ts$|^consumer\/(rabbit-consumer|answers|receive-\w+)\.ts$/,
    ],
    ['ajv', /^src\/events\/parse\.ts$/],
    ['ajv-formats', /^src\/events\/parse\.ts$/],
    ['keyv', /^src\/cache\.ts$/],
    ['@keyv/redis', /^src\/cache\.ts$/],
    ['bcrypt', /^src\/auth\/password\.ts$/],
    ['nodemailer', /^src\/mail\/smtp-mailer\.ts$/],
    ['negotiator', /^src\/mail\/language\.ts$/],
    ['jsonwebtoken', /^src\/auth\/token\.ts$/],
    ['dataloader', /^src\/user\/(role\.loader|user\.service)\.ts$/],
    ['fastify', /^src\/(http|app|pages)\.ts$/],
    ['@electric-sql/pglite', /^$/],
    ['kysely', /^src\/embedded-database\.ts$/],
    ['pg', /^src\/database\.ts$/],
    ['@apollo/server', /^src\/(app|http|error-formatter|request-checks)\.ts$/],
  ])('%s is named only in its own files', (name, allowed) => {
    const found = offending(({ from, to }) => (to === name || to.startsWith(`${name}/`)) && !allowed.test(from));

    expect(found).toEqual([]);
  });

  test('services know nothing of Apollo, HTTP, Keyv or Rascal', () => {
    const outer = /^(@apollo|fastify|keyv|@keyv|rascal|graphql$)/;

    expect(offending(({ from, to }) => from.endsWith('.service.ts') && outer.test(to))).toEqual([]);
  });

  test('resolvers reach the world through their context', () => {
    const allowed = /(^type-graphql$|context|entity|inputs|connection|loader|payload|email-address)/;

    expect(
      offending(({ from, to, typeOnly }) => from.endsWith('.resolver.ts') && !typeOnly && !allowed.test(to)),
    ).toEqual([]);
  });

  test('the environment is read in one place', () => {
    const reads = files.filter((path) => /process\.env/.test(readFileSync(path, 'utf8')));

    expect(reads).toEqual(['src/config.ts']);
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
