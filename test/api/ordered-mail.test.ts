// A mail speaks the language of its request and leads to PUBLIC_URL; requests with every kind of header order mails.

import { createHash } from 'node:crypto';
import { request } from 'node:http';
import { expect, test } from '@jest/globals';
import { describeApi, type TestApp } from '../support/app.js';
import { changeToken, newcomer } from '../support/email-links.js';
import { mailsTo, sentToken } from '../support/links.js';
import { ask, PASSWORD, REGISTER, REQUEST_PASSWORD_RESET } from '../support/people.js';

describeApi('a mail that a request orders', (app) => {
  const registeredWith = async (headers: Record<string, string>) => {
    const email = `lang${Math.random().toString().slice(2)}@example.com`;
    await ask(app(), REGISTER, { input: { email, password: PASSWORD, name: 'Ada' } }, undefined, headers);
    await sentToken(app(), email, 'verify-email');
    return mailsTo(app(), email);
  };

  test.each([
    ['Korean', 'ko'],
    ['Korean', 'ko-KR,ko;q=0.9,en-US;q=0.8'],
    ['Korean', 'fr, KO-kr;q=0.5, en;q=0.1'],
    ['English', 'en-GB,ko;q=0.5'],
    ['English', 'fr'],
    ['English', '*'],
    ['English', 'ko;q=0'],
    ['English', ';;q=,,\u00e9=x'],
  ])('is in %s for a request with Accept-Language: %s', async (language, header) => {
    const [mail] = await registeredWith({ 'accept-language': header });

    expect(/[가-힣]/.test(`${mail?.subject}`)).toBe(language === 'Korean');
    expect(/[가-힣]/.test(`${mail?.text}`)).toBe(language === 'Korean');
  });

  test('is in English for a request without a language', async () => {
    const email = 'silent@example.com';
    await post(app(), REGISTER, { input: { email, password: PASSWORD, name: 'Ada' } }, {});
    await sentToken(app(), email, 'verify-email');

    expect((await mailsTo(app(), email)).map(({ subject }) => /[가-힣]/.test(subject))).toEqual([false]);
  });

  test('leads to PUBLIC_URL, whatever a header says', async () => {
    const email = 'headers@example.com';
    const lies = {
      host: 'evil.example',
      origin: 'https://evil.example',
      referer: 'https://evil.example/',
      forwarded: 'host=evil.example;proto=https',
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'https',
      'x-authorizer-url': 'https://evil.example',
      'x-original-url': 'https://evil.example/',
    };
    await post(app(), REGISTER, { input: { email, password: PASSWORD, name: 'Ada' } }, lies);
    await post(app(), REQUEST_PASSWORD_RESET, { email }, lies);
    await sentToken(app(), email, 'verify-email');
    await sentToken(app(), email, 'reset-password');

    const mails = JSON.stringify(await mailsTo(app(), email));

    const urls = [...mails.matchAll(/https?:\/\/[^\s"\\<]+/g)].map(([url]) => url);
    expect(urls.filter((url) => !url.startsWith('http://gatehouse.test/'))).toEqual([]);
    expect(urls.length).toBeGreaterThanOrEqual(2);
    expect(mails).not.toContain('evil');
  });

  test('has a token of which the database has a digest alone', async () => {
    const [ada, token] = await newcomer(app());
    await changeToken(app(), ada, `new-${ada.email}`);

    const rows = JSON.stringify(
      await Promise.all(
        ['mails', 'mail_tokens', 'outbox', 'inbox', 'users'].map((table) =>
          app().database.em.execute(`select * from ${table}`),
        ),
      ),
    );

    expect(rows).toContain(createHash('sha256').update(token).digest('base64url'));
    expect(rows).not.toContain(token);
    expect(app().logged()).not.toContain(token);
    const events = JSON.stringify(await app().database.em.execute('select data, subject from outbox'));
    expect(events).not.toContain('@');
  });
});

/** As a client does that sets every header itself. */
function post(app: TestApp, query: string, variables: object, headers: Record<string, string>): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const sent = request(`${app.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
  });
  sent.on('response', (response) => {
    expect(response.statusCode).toBe(200);
    response.resume().on('end', () => resolve());
  });
  sent.on('error', reject);
  sent.end(JSON.stringify({ query, variables }));
  return promise;
}
