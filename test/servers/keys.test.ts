// A rotation of keys refuses no valid token, and a withdrawn key counts no more; keys are rotated under load on two
// instances.

import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { createLocalJWKSet, createRemoteJWKSet, type JSONWebKeySet, type JWTVerifyGetKey, jwtVerify } from 'jose';
import jsonwebtoken from 'jsonwebtoken';
import { signingKey } from '../../src/keys/signing-key.js';
import { describeWithServers } from '../support/describe-with-servers.js';
import { eventually } from '../support/eventually.js';
import { temporaryFolder } from '../support/once-per-run.js';
import { type Person, signIn } from '../support/people.js';
import { type ApiProcess, type Env, runCommand, startApi, startProcess } from '../support/processes.js';
import { type SharedPostgres, sharedPostgres } from '../support/servers/postgres.js';
import type { Server } from '../support/servers/private-server.js';
import { startRedis } from '../support/servers/redis.js';

const ISSUER = 'http://gatehouse.test';
/** A token's 15 minutes, and one for clocks that differ. */
const KEPT_MS = 960_000;
const BROKEN = 'signing key ignored: it holds no P-256 private key in PEM that can be read';

let home: string;
let folder: string;

beforeEach(() => {
  home = temporaryFolder();
  folder = join(home, 'keys');
  mkdirSync(folder);
});

const newPem = (signsFrom?: number) =>
  (signsFrom === undefined ? '' : `signs-from: ${new Date(signsFrom).toISOString()}\n`) +
  generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' });
const put = (name: string, text: string) => {
  writeFileSync(join(home, name), text);
  renameSync(join(home, name), join(folder, name));
};
const kidIn = (pem: string) => signingKey(createPrivateKey(pem)).kid;
/** Of the folder's keys, in the order of their names. */
const kids = () => files().map((name) => kidIn(readFileSync(join(folder, name), 'utf8')));
const bodyOf = (pem: string) => pem.slice(pem.indexOf('KEY-----') + 9).slice(0, 40);
const files = () => readdirSync(folder).sort();

// The admin signs in all the time, and none of these sessions may end for another.
const settings = (): Env => ({ JWT_PRIVATE_KEY: '', JWT_KEYS_DIR: folder, SESSIONS_PER_USER: '1000' });
const rotate = (...args: string[]) => runCommand('dist/src/commands/keys-rotate.js', args, settings());

/** Five at once, of which none reads what it has listed, and none makes its key, before all are so far. */
async function rotateTogether(...args: string[]) {
  const meet = `
    import fs from 'node:fs';
    import { syncBuiltinESMExports } from 'node:module';
    const nap = new Int32Array(new SharedArrayBuffer(4));
    for (const name of ['readdirSync', 'linkSync']) {
      const { readdirSync, [name]: own } = fs;
      const meeting = ${JSON.stringify(home)} + '/' + name;
      let met = false;
      fs[name] = (...given) => {
        const list = name === 'readdirSync' ? own(...given) : null;
        if (!met && given.some((path) => path.startsWith(${JSON.stringify(folder)}))) {
          met = true;
          fs.mkdirSync(meeting + '/' + process.pid, { recursive: true });
          for (let naps = 0; naps < 10_000 && readdirSync(meeting).length < 5; naps += 1) Atomics.wait(nap, 0, 0, 1);
        }
        return list ?? own(...given);
      };
    }
    syncBuiltinESMExports();`;
  const env = { ...settings(), NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(meet)}` };
  const runs = Array.from({ length: 5 }, () => runCommand('dist/src/commands/keys-rotate.js', args, env));
  return Promise.all(runs);
}

/** The time that the command has told. */
const signsFrom = (output: string) => Date.parse(/signs from (\S+)\.\n/.exec(output)?.[1] ?? '');

const kidOf = (token: string): string => JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()).kid;
const jwks = async ({ url }: ApiProcess) =>
  (await (await fetch(`${url}/.well-known/jwks.json`)).json()) as JSONWebKeySet;
const published = async (api: ApiProcess) => (await jwks(api)).keys.map(({ kid }) => kid);
/** Why a token is refused; undefined where it is taken. */
const refusal = async (api: ApiProcess, token: string) => {
  const { errors } = await api.ask('{ roles { name } }', {}, token);
  return errors[0]?.extensions.reason ?? errors[0]?.extensions.code;
};
/** The same token, as an instance with this key would have made it. */
const resigned = (token: string, pem: string) => {
  const header = { alg: 'ES256', typ: 'at+jwt', kid: kidIn(pem) };
  return jsonwebtoken.sign(jsonwebtoken.decode(token) ?? {}, createPrivateKey(pem), { algorithm: 'ES256', header });
};

describeWithServers(['postgres', 'redis'], 'signing keys on two instances', () => {
  let postgres: SharedPostgres;
  let redis: Server;
  let env: Env;

  beforeAll(async () => {
    [postgres, redis] = await Promise.all([sharedPostgres(), startRedis()]);
    env = { DATABASE_URL: await postgres.createDatabase(), REDIS_URL: redis.url };
  });

  afterAll(() => redis?.stop());

  const start = () => startApi({ ...env, ...settings() });

  test('a rotation under load refuses no token, and a key is published before it signs', async () => {
    await using one = await start();
    await using two = await start();
    const [former = ''] = kids();
    const first = (await signIn(one)).token;
    const made: string[] = [];
    const refused: string[] = [];
    const unpublished: string[] = [];
    let done = false;
    const load = async (own: ApiProcess, other: ApiProcess) => {
      while (!done) {
        const known = await published(other);
        const { token } = await signIn(own);
        if (!known.includes(kidOf(token))) unpublished.push(token);
        for (const held of [first, made.at(-1) ?? first, token]) {
          for (const api of [other, own]) if (await refusal(api, held)) refused.push(held);
        }
        made.push(token);
      }
    };
    const loads = Promise.all([load(one, two), load(two, one)]);

    const { code, output } = await rotate('--after', '8');
    const [, next = ''] = kids();
    for (const api of [one, two]) await eventually(async () => expect(await published(api)).toEqual([former, next]));
    const publishedAt = Date.now();
    for (const api of [one, two]) await eventually(async () => expect(kidOf((await signIn(api)).token)).toBe(next));
    const madeBefore = made.length;
    await eventually(() => expect(made.length).toBeGreaterThan(madeBefore + 10));
    done = true;
    await loads;

    expect(code).toBe(0);
    expect(publishedAt).toBeLessThan(signsFrom(output));
    expect(new Set(made.map(kidOf))).toEqual(new Set([former, next]));
    expect({ refused, unpublished }).toEqual({ refused: [], unpublished: [] });
  });

  test('a token of a key that an instance has not seen yet is taken', async () => {
    await using one = await start();
    await using two = await start();
    const { token } = await signIn(one);
    const next = newPem(Date.now());
    const ahead = resigned(token, next);

    const before = await refusal(one, ahead);
    put('0002.pem', next);
    const after = await Promise.all([refusal(one, ahead), refusal(two, ahead)]);

    expect([before, after]).toEqual(['INVALID', [undefined, undefined]]);
  });

  test('a key goes when its last token has run out, and then its file does', async () => {
    const [former, next] = [newPem(), newPem()];
    put('0001.pem', former);
    await using api = await start();
    const { token } = await signIn(api);
    const goes = Date.now() + 5_000;

    put('0002.pem', next.replace(/^/, `signs-from: ${new Date(goes - KEPT_MS).toISOString()}\n`));
    await eventually(async () => expect(await published(api)).toEqual([kidIn(former), kidIn(next)]));
    const whileKept = await refusal(api, token);
    await eventually(async () => expect(await published(api)).toEqual([kidIn(next)]));
    const gone = Date.now();
    const { output } = await rotate();

    expect(whileKept).toBeUndefined();
    expect(gone).toBeGreaterThanOrEqual(goes);
    expect(await refusal(api, token)).toBe('INVALID');
    expect(output).toContain('Removed: 0001.pem');
    expect(files()).toEqual(['0002.pem', '0003.pem']);
  });

  test('--now withdraws every key that was there, on every instance', async () => {
    await using one = await start();
    await using two = await start();
    await rotate();
    const leaked = await Promise.all([signIn(one), signIn(two)]);

    const { code } = await rotate('--now');
    const [next = '', ...others] = kids();

    for (const api of [one, two]) {
      await eventually(async () => expect(await published(api)).toEqual([next]));
      for (const { token } of leaked) expect(await refusal(api, token)).toBe('INVALID');
    }
    const renewed = await Promise.all([signIn(one), signIn(two)]);
    expect([code, others]).toEqual([0, []]);
    expect(renewed.map(({ token }) => kidOf(token))).toEqual([next, next]);
    for (const { token } of renewed)
      expect(await Promise.all([refusal(one, token), refusal(two, token)])).toEqual([undefined, undefined]);
  });

  test('a file that is broken is named and left out while it is; a key that was read outlives its file breaking', async () => {
    const [former, next] = [newPem(), newPem(Date.now() + 600_000)];
    put('0001.pem', former);
    await using api = await start();
    const { token } = await signIn(api);

    put('0002.pem', next.slice(0, 150));
    await api.logged(BROKEN, { file: '0002.pem' });
    const whileBroken = await published(api);
    put('0002.pem', next);
    await eventually(async () => expect(await published(api)).toEqual([kidIn(former), kidIn(next)]));
    put('0001.pem', former.slice(0, 150));
    await api.logged(BROKEN, { file: '0001.pem' });

    expect(whileBroken).toEqual([kidIn(former)]);
    expect(await refusal(api, token)).toBeUndefined();
    expect(kidOf((await signIn(api)).token)).toBe(kidIn(former));
    expect(api.output()).not.toContain(bodyOf(former));
    expect(api.output()).not.toContain(bodyOf(next));
  });

  test.each<[string, () => void, RegExp]>([
    [
      'a broken key',
      () => put('0002.pem', newPem().slice(0, 150)),
      /^The signing key 0002\.pem in .* cannot be used: .*\n$/,
    ],
    [
      'a time that is none',
      () => put('0002.pem', newPem().replace(/^/, 'signs-from: soon\n')),
      /^The signing key 0002\.pem .*\n$/,
    ],
    [
      'two keys without a time',
      () => put('0002.pem', newPem()),
      /^The signing key 0002\.pem .* as 0001\.pem does\.\n$/,
    ],
    [
      'one key twice',
      () => put('0002.pem', readFileSync(join(folder, '0001.pem'), 'utf8')),
      /^The signing key 0002\.pem .* as 0001\.pem\.\n$/,
    ],
  ])('it does not start with %s', async (_, spoil, words) => {
    put('0001.pem', newPem());
    spoil();

    await using running = startProcess('dist/src/main.js', { ...env, ...settings() });

    expect((await running.exited).code).toBe(1);
    expect(running.output()).toMatch(words);
  });

  test.each<[string, () => void, RegExp]>([
    ['is empty', () => undefined, /^There is no signing key in .*\n$/],
    [
      'is not there',
      () => rmSync(folder, { recursive: true }),
      /^The folder of signing keys .* cannot be read: ENOENT\.\n$/,
    ],
  ])('in production it does not start when the folder %s', async (_, spoil, words) => {
    spoil();
    const production = { NODE_ENV: 'production', BCRYPT_COST: '10', AMQP_URL: 'amqp://127.0.0.1:9' };

    await using running = startProcess('dist/src/main.js', { ...env, ...settings(), ...production });

    expect((await running.exited).code).toBe(1);
    expect(running.output()).toMatch(words);
  });

  test('a service elsewhere verifies tokens across a rotation without a restart', async () => {
    await using api = await start();
    // Its ten minutes between two looks are shortened as the rotation is.
    const remote = createRemoteJWKSet(new URL(`${api.url}/.well-known/jwks.json`), { cooldownDuration: 0 });
    const subject = async (keys: JWTVerifyGetKey, { token }: Person) =>
      (await jwtVerify(token, keys, { issuer: ISSUER, audience: ISSUER, typ: 'at+jwt', algorithms: ['ES256'] })).payload
        .sub;
    const before = await signIn(api);
    const subjects = [await subject(remote, before)];

    await rotate('--after', '6');
    const [former, next] = kids();
    await eventually(async () => expect(await published(api)).toEqual([former, next]));
    const copy = createLocalJWKSet(await jwks(api));
    let after = await signIn(api);
    expect(kidOf(after.token)).toBe(former);
    await eventually(async () => {
      after = await signIn(api);
      expect(kidOf(after.token)).toBe(next);
    });
    // Who looked between the two needs no second look.
    for (const keys of [remote, copy]) subjects.push(await subject(keys, after), await subject(keys, before));

    expect(new Set(subjects)).toEqual(new Set([before.id]));
  });
});

describe('keys:rotate', () => {
  test('of many at once one makes the next key, and all name it', async () => {
    put('0001.pem', newPem());
    put('0002.pem', newPem(Date.now() - KEPT_MS));

    const runs = await rotateTogether();

    const [, next = ''] = kids();
    expect(files()).toEqual(['0002.pem', '0003.pem']);
    expect(runs.map(({ code }) => code)).toEqual([0, 0, 0, 0, 0]);
    expect(runs.filter(({ output }) => output.includes(next))).toHaveLength(5);
    expect(runs.filter(({ output }) => !output.includes('is there already'))).toHaveLength(1);
  });

  test('of many --now at once each makes a key, and withdraws what was there before', async () => {
    put('0001.pem', newPem());

    const runs = await rotateTogether('--now');

    expect(runs.map(({ code }) => code)).toEqual([0, 0, 0, 0, 0]);
    expect(files()).toEqual(['0002.pem', '0003.pem', '0004.pem', '0005.pem', '0006.pem']);
    expect(new Set(kids()).size).toBe(5);
  });

  test('keeps the key that signs, and the one before it while a token of it may be alive', async () => {
    put('0001.pem', newPem());
    put('0002.pem', newPem(Date.now() - KEPT_MS - 1_000_000));
    put('0003.pem', newPem(Date.now() - KEPT_MS + 60_000));
    const earliest = Date.now() + 600_000;

    const { output } = await rotate();

    expect(files()).toEqual(['0002.pem', '0003.pem', '0004.pem']);
    expect(signsFrom(output)).toBeGreaterThanOrEqual(earliest);
    expect(signsFrom(output)).toBeLessThan(Date.now() + 600_000);
  });

  test('makes the first key of a folder, which signs at once', async () => {
    const { code, output } = await rotate();

    expect(code).toBe(0);
    expect(output).toMatch(/\(0001\.pem\) signs now\./);
  });

  test.each([[['--after', '-1']], [['--after', 'soon']], [['--after', '5', '--now']], [['now']]])(
    'takes no %j',
    async (args) => {
      const { code, output } = await rotate(...args);

      expect(code).toBe(1);
      expect(output).toMatch(/^Usage: /);
      expect(files()).toEqual([]);
    },
  );

  test('is not for one fixed key', async () => {
    const { code, output } = await runCommand('dist/src/commands/keys-rotate.js', [], {});

    expect(code).toBe(1);
    expect(output).toMatch(/^JWT_PRIVATE_KEY is one fixed key\. .*\n$/);
  });
});

test('the key of a volume from before there were folders is its first', async () => {
  const former = newPem();
  writeFileSync(join(home, 'jwt-private-key.pem'), former);

  const { code } = await runCommand('dist/src/commands/make-secrets.js', [home], {});

  expect(code).toBe(0);
  expect(kids()).toEqual([kidIn(former)]);
});
