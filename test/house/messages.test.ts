// A received message is an event only where it fits its schema; messages of every form are parsed.

import { describe, expect, test } from '@jest/globals';
import { parseCloudEvent } from '../../src/events/parse.js';

const ID = '01a202b6-fbaf-75f2-9331-262642334400';
const EVENT = {
  specversion: '1.0',
  id: ID,
  source: '/gatehouse',
  type: 'user.role_changed',
  subject: ID,
  time: '2026-11-22T10:04:36.442Z',
  datacontenttype: 'application/json',
  data: { userId: ID, role: 'ADMIN', changedBy: ID },
};
const SECRET = 'hunter2';

const without = (name: keyof typeof EVENT) => ({ ...EVENT, [name]: undefined });
const withData = (change: object) => ({ ...EVENT, data: { ...EVENT.data, ...change } });

describe('a received message', () => {
  test('that fits the schema of its type is an event', () => {
    expect(parseCloudEvent(EVENT)).toBe(EVENT);
  });

  test('may have members and attributes that are not known here', () => {
    const newer = { ...withData({ reason: 'new' }), traceparent: '00-0af7651916cd43dd8448eb211c80319c' };

    expect(parseCloudEvent(newer)).toBe(newer);
  });

  test.each(['user.renamed', 'constructor', 'toString'])('of the unknown type %s needs only its envelope', (type) => {
    const unknown = { ...EVENT, type, subject: 'a thing', data: {} };

    expect(parseCloudEvent(unknown)).toBe(unknown);
    expect(() => parseCloudEvent({ ...unknown, id: SECRET })).toThrow(/^id /);
  });

  test.each<[string, unknown]>([
    ['the event', null],
    ['the event', []],
    ['the event', SECRET],
    ["the event must have required property 'specversion'", without('specversion')],
    ["the event must have required property 'data'", without('data')],
    ['specversion', { ...EVENT, specversion: SECRET }],
    ['id', { ...EVENT, id: SECRET }],
    ['source', { ...EVENT, source: SECRET }],
    ['type', { ...EVENT, type: '' }],
    ['subject', { ...EVENT, subject: SECRET }],
    ['time', { ...EVENT, time: '2026-11-22 10:04' }],
    ['datacontenttype', { ...EVENT, datacontenttype: SECRET }],
    ['data', { ...EVENT, data: SECRET }],
    ["data must have required property 'changedBy'", withData({ changedBy: undefined })],
    ['data.userId', withData({ userId: SECRET })],
    ['data.role', withData({ role: SECRET })],
  ])('is refused by naming %s, without its value', (named, message) => {
    const parse = () => parseCloudEvent(message === null ? null : JSON.parse(JSON.stringify(message)));

    expect(parse).toThrow(TypeError);
    expect(parse).toThrow(new RegExp(`^${named}`));
    expect(parse).not.toThrow(SECRET);
  });
});
