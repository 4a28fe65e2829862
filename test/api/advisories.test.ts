// What broke in other identity systems does not break here. Each test is named by its advisory; docs/asvs.md has the
// whole list, with those that other suites show.

import { describe, expect, test } from '@jest/globals';
import { isInputObjectType, isObjectType } from 'graphql';
import { createSchema } from '../../src/schema.js';
import { describeApi } from '../support/app.js';
import { CONFIRM_CHANGE, changeToken, RESET } from '../support/email-links.js';
import { sentToken } from '../support/links.js';
import { ask, codes, freshEmail, LOGIN, member, PASSWORD, REQUEST_PASSWORD_RESET } from '../support/people.js';

describeApi('GHSA-29rf-f4vv-pvq6, an account that a stranger opened with the address of another', (app) => {
  test('is lost to the stranger when the owner of the address sets a password by its link', async () => {
    const stranger = await member(app());
    const second = (await ask(app(), LOGIN, { input: { email: stranger.email, password: PASSWORD } })).data.login;
    const own = freshEmail();
    const toOwn = await changeToken(app(), stranger, own);
    await ask(app(), REQUEST_PASSWORD_RESET, { email: stranger.email });

    const reset = await ask(app(), RESET, { token: await sentToken(app(), stranger.email, 'reset-password') });

    expect(codes(reset)).toEqual([]);
    for (const token of [stranger.token, second.accessToken])
      expect((await ask(app(), '{ me { id } }', {}, token)).data.me).toBeNull();
    const refresh = 'mutation ($token: String!) { refresh(input: { refreshToken: $token }) { accessToken } }';
    const tries = [
      await ask(app(), refresh, { token: stranger.refreshToken }),
      await ask(app(), refresh, { token: second.refreshToken }),
      await ask(app(), LOGIN, { input: { email: stranger.email, password: PASSWORD } }),
      await ask(app(), CONFIRM_CHANGE, { token: toOwn }),
    ];
    expect(tries.map(codes)).toEqual([
      ['UNAUTHENTICATED'],
      ['UNAUTHENTICATED'],
      ['INVALID_CREDENTIALS'],
      ['INVALID_TOKEN'],
    ]);
  });
});

describe('GHSA-x3f4-v83f-7wp2 and GHSA-h29v-hj44-q8cv, an address of a page that the client gives', () => {
  const IS_OF_A_PAGE = /ur[il]|redirect|callback|return|continue|origin|host|domain|href|link|target|next/i;

  test('no argument of any operation takes one', () => {
    const names = Object.values(createSchema().getTypeMap()).flatMap((type) => {
      if (type.name.startsWith('__')) return [];
      if (isInputObjectType(type)) return Object.keys(type.getFields());
      if (!isObjectType(type)) return [];
      return Object.values(type.getFields()).flatMap(({ args }) => args.map(({ name }) => name));
    });

    expect(names.length).toBeGreaterThan(50);
    expect(names.filter((name) => IS_OF_A_PAGE.test(name))).toEqual([]);
    expect(['redirectUri', 'callbackURL', 'returnTo', 'next'].every((name) => IS_OF_A_PAGE.test(name))).toBe(true);
  });
});
