// What was held about deleted users is kept, encrypted, in a bucket of a store with S3's protocol, and for no longer than
// its days. The store answers over HTTP; it is asked without the SDK that the archive uses.

import { randomBytes } from 'node:crypto';
import { mock } from 'node:test';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type FauxqsServer, startFauxqs } from 'fauxqs';
import { compactDecrypt } from 'jose';
import { deletionOf } from '../support/deletions.js';
import { eventually } from '../support/eventually.js';
import { DELETE_USER, member, type Person, signIn } from '../support/people.js';
import { type ApiProcess, startApi } from '../support/processes.js';

const KEY = randomBytes(32);
const SECRET_ACCESS_KEY = 'a-secret-that-no-log-shows';
const DAY_MS = 86_400_000;
/** More than the store names in one answer. */
const OLD = Array.from({ length: 1_001 }, (_, n) => `gone/old-${n}.jwe`);
describe('an archive on S3', () => {
  let store: FauxqsServer;
  let url: string;
  let api: ApiProcess;
  let root: Person;

  const env = () => ({
    DELETION_ARCHIVE_S3: 's3://kept/gone',
    DELETION_ARCHIVE_KEY: KEY.toString('base64'),
    DELETION_ARCHIVE_DAYS: '7',
    AWS_REGION: 'eu-central-1',
    AWS_ENDPOINT_URL_S3: url,
    AWS_ACCESS_KEY_ID: 'an-access-key',
    AWS_SECRET_ACCESS_KEY: SECRET_ACCESS_KEY,
  });
  const startStore = async (port?: number) => {
    store = await startFauxqs({ host: '127.0.0.1', port: port ?? 0, logger: false });
  };
  const object = (name: string) => `${url}/kept/${name}`;
  const put = async (name: string) => (await fetch(object(name), { method: 'PUT', body: 'x' })).text();
  const isThere = async (name: string) => (await fetch(object(name), { method: 'HEAD' })).status === 200;
  /** One after the other: all at once would need a connection each. */
  async function ofEach<T>(names: string[], work: (name: string) => Promise<T>): Promise<T[]> {
    const results: T[] = [];
    for (const name of names) results.push(await work(name));
    return results;
  }
  const archived = (id: string) =>
    eventually(async () =>
      expect((await deletionOf(root, id)).receipts).toMatchObject({ archive: { status: 'DONE', lastError: null } }),
    );

  beforeAll(async () => {
    await startStore();
    store.createBucket('kept');
    url = `http://127.0.0.1:${store.port}`;
    const now = Date.now();
    // The store runs in this process: its clock is turned back, and that of nothing else.
    mock.timers.enable({ apis: ['Date'], now: now - 8 * DAY_MS });
    await ofEach([...OLD, 'gone/old.txt', 'gone/below/old.jwe', 'other/old.jwe'], put);
    mock.timers.setTime(now - 6 * DAY_MS);
    await put('gone/young.jwe');
    mock.timers.reset();
    api = await startApi(env());
    root = await signIn(api);
  });

  afterAll(async () => {
    mock.timers.reset();
    await api?.kill();
    await store?.stop();
  });

  test('holds what was held about the user, for the holder of the key alone', async () => {
    const ada = await member(api, { name: 'Ada Archived' });

    await ada.ask(DELETE_USER, { id: ada.id });
    await archived(ada.id);

    const response = await fetch(object(`gone/${ada.id}.jwe`));
    const sealed = await response.text();
    const { plaintext } = await compactDecrypt(sealed, KEY);
    const { userId, data } = JSON.parse(new TextDecoder().decode(plaintext));
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/jose']);
    expect(userId).toBe(ada.id);
    expect(data.users).toEqual([expect.objectContaining({ id: ada.id, email: ada.email, name: 'Ada Archived' })]);
    expect(sealed).not.toContain(Buffer.from(ada.email).toString('base64url'));
  });

  test('loses a file when its days are over, and nothing else', async () => {
    await api.logged('old files of the archive removed', { files: OLD.length });

    expect(await ofEach(OLD, isThere)).toEqual(OLD.map(() => false));
    const others = ['gone/young.jwe', 'gone/old.txt', 'gone/below/old.jwe', 'other/old.jwe'];
    expect(await ofEach(others, isThere)).toEqual(others.map(() => true));
  });

  test('may be away or without its bucket: admins read why, the purge waits, and the file is made later', async () => {
    const { port } = store;
    const ada = await member(api);
    const receipts = async () => (await deletionOf(root, ada.id)).receipts;
    const fails = (lastError: string) =>
      eventually(async () =>
        expect(await receipts()).toMatchObject({
          archive: { status: 'PENDING', lastError },
          purge: { status: 'PENDING', attempts: 0 },
        }),
      );
    await store.stop();

    await ada.ask(DELETE_USER, { id: ada.id });
    await fails('ECONNREFUSED');
    await startStore(port);
    await fails('NoSuchBucket');
    store.createBucket('kept');

    await archived(ada.id);
    expect(await isThere(`gone/${ada.id}.jwe`)).toBe(true);
    expect(api.output()).not.toContain(SECRET_ACCESS_KEY);
    expect(api.output()).not.toContain(ada.email);
  });
});
