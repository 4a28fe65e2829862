// A text that others will read has a visible character and no control of direction; such texts are given to every
// field that takes one.

import { expect, test } from '@jest/globals';
import { describeApi } from '../support/app.js';
import { admin, ask, codes, LOGIN, member, PASSWORD, REGISTER } from '../support/people.js';

const RENAME = 'mutation ($name: String!) { updateProfile(input: { name: $name }) { name } }';
const OFF = 'mutation ($id: ID!, $reason: String) { deactivateUser(id: $id, reason: $reason) { isActive } }';

const INVISIBLE = {
  'zero width spaces': '\u200b\u200b',
  'a soft hyphen': '\u00ad',
  'Hangul fillers': '\u3164\u115f\u1160\uffa0',
  'a Braille blank': '\u2800',
  'a grapheme joiner': '\u034f',
  'a variation selector': '\ufe0f',
  joiners: '\u200d\u200c',
  'combining marks': '\u0301\u0302',
  tags: '\u{e0041}\u{e0042}',
  'a byte order mark': '\ufeff',
  'an invisible plus': '\u2064',
  'a blank note': '\u{1d159}',
  'a mark of direction': '\u200e',
};
const UNSAFE = {
  'a right-to-left override': 'Ada\u202eecalevoL',
  'an isolate': 'Ada \u2066Lovelace\u2069',
  'a mark of direction': 'Ada\u200fLovelace',
  'an Arabic letter mark': 'Ada\u061cLovelace',
  'a mark of direction at its end': 'Ada\u200e',
  'a line separator': 'Ada\u2028Lovelace',
  'a C1 control': 'Ada\u0085Lovelace',
  'a private-use character': 'Ada\ue000',
  'a noncharacter': 'Ada\uffff',
  'an unassigned character': 'Ada\u0378',
  'hidden tags': 'Ada\u{e0041}\u{e0042}!',
  'an annotation': 'Ada\ufff9x\ufffb',
  'a heap of marks': `A${'\u0301\u0320'.repeat(10)}da`,
  'a heap of marks with joiners between': `A${'\u0301\u200d'.repeat(10)}da`,
};
const GOOD = {
  'a Persian name with its joiner': 'علی\u200cزاده',
  'a Sinhala name with its joiner': 'ශ්\u200dරී',
  'a family of emoji': 'Ada 👩\u200d👩\u200d👧',
  'a flag made of tags': 'Ada 🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}',
  'a character with its variant': '葛\u{e0100}城',
  'marks on letters': 'Nguyễn שָׁלוֹם',
  'one symbol': '☮',
  'one ideograph': '李',
};

describeApi('a text that others will read', (app) => {
  const register = (name: string) =>
    ask(app(), REGISTER, { input: { email: `t${Math.random()}@example.com`, password: PASSWORD, name } });

  test.each(Object.entries({ ...INVISIBLE, ...UNSAFE }))('is refused where it has %s', async (_, text) => {
    const [ada, root] = [await member(app()), await admin(app())];

    const answers = [
      await register(text),
      await ada.ask(RENAME, { name: text }),
      await root.ask(OFF, { id: ada.id, reason: text }),
    ];

    expect(answers.map(codes)).toEqual([['BAD_USER_INPUT'], ['BAD_USER_INPUT'], ['BAD_USER_INPUT']]);
    expect((await ada.ask('{ me { name isActive } }')).data.me).toEqual({ name: ada.name, isActive: true });
  });

  test.each(Object.entries(GOOD))('is kept where it is %s', async (_, text) => {
    const [ada, root] = [await member(app()), await admin(app())];

    const renamed = await ada.ask(RENAME, { name: text });
    const switchedOff = await root.ask(OFF, { id: ada.id, reason: `${text}\n${text}` });

    expect(renamed.data.updateProfile.name).toBe(text);
    expect(codes(await register(text))).toEqual([]);
    expect(codes(switchedOff)).toEqual([]);
  });

  test('loses what is blank at its ends', async () => {
    const ada = await member(app());

    const { data } = await ada.ask(RENAME, { name: '\u200b\u3000 Ada \u2800\u3164' });

    expect(data.updateProfile.name).toBe('Ada');
  });

  test('is long and blank within, and takes no time', async () => {
    const ada = await member(app());
    const started = performance.now();

    const answer = await ada.ask(RENAME, { name: `a${' '.repeat(90_000)}a` });

    expect(codes(answer)).toEqual(['BAD_USER_INPUT']);
    expect(performance.now() - started).toBeLessThan(2_000);
  });

  test.each([
    ['a browser\u00ad \u0085', 'a browser'],
    ['\u00ad\u00ad', null],
    ['  ', null],
  ])('is cleaned where it is the name of a program: %j', async (given, kept) => {
    const ada = await member(app());

    const login = { input: { email: ada.email, password: PASSWORD } };
    const { data } = await ask(app(), LOGIN, login, undefined, { 'user-agent': given });
    const { data: shown } = await ask(app(), '{ me { sessions { current userAgent } } }', {}, data.login.accessToken);

    expect(shown.me.sessions.find(({ current }: { current: boolean }) => current).userAgent).toBe(kept);
  });
});
