import { type CloudEvent, type EventData, type EventType, ROLE_NAMES, SOURCE } from './events.js';

/** Of a member of `data`. All of them are strings; one that is not needs more here first. */
type MemberSchema<V> = [V] extends [string]
  ? { description: string; type: 'string'; format?: 'uuid' | 'date-time'; enum?: readonly V[] }
  : never;

interface EventDescription<Data> {
  /** What has happened when it is heard. */
  description: string;
  /** Each is always there. */
  data: { [K in keyof Data]-?: MemberSchema<Data[K]> };
}

const id = (description: string) => ({ description, type: 'string', format: 'uuid' }) as const;
const userId = id('The user that it is about.');

const EVENTS: { [T in EventType]: EventDescription<EventData[T]> } = {
  'user.registered': {
    description: 'There is a new account: somebody registered, was imported, or was made an admin on the command line.',
    data: { userId },
  },
  'user.email_verified': {
    description: 'A user has shown that the address of their account is theirs.',
    data: { userId },
  },
  'user.email_changed': {
    description: 'An account has another address, confirmed by its user.',
    data: { userId },
  },
  'user.password_changed': {
    description: 'A user has another password, and their other sessions have ended.',
    data: { userId },
  },
  'user.role_changed': {
    description: 'An admin, or the command line, made an admin or a member of a user.',
    data: {
      userId,
      role: { description: 'Their role from now on.', type: 'string', enum: [...ROLE_NAMES] },
      changedBy: id('The admin; the nil UUID for the command line.'),
    },
  },
  'user.deactivated': {
    description: 'An admin switched an account off: its user cannot sign in until it is activated.',
    data: { userId, deactivatedBy: id('The admin.') },
  },
  'user.activated': {
    description: 'An admin switched an account on again.',
    data: { userId, activatedBy: id('The admin.') },
  },
  'user.deletion_scheduled': {
    description:
      'An account was closed, and its sessions have ended. It can be restored until its grace period ends; then `user.deleted` follows.',
    data: {
      userId,
      deletedBy: id('The user, or an admin.'),
      purgeAt: { description: 'When the grace period ends.', type: 'string', format: 'date-time' },
    },
  },
  'user.restored': {
    description: 'The deletion of an account was taken back in its grace period.',
    data: { userId, restoredBy: id('The admin.') },
  },
  'user.deleted': {
    description:
      'An account was closed for good: its grace period is over, or there is none. What others hold about its user is to be erased.',
    data: {
      userId,
      deletedBy: id('The user, or an admin.'),
      deletedAt: { description: 'When it was closed.', type: 'string', format: 'date-time' },
    },
  },
  'user.deletion_overdue': {
    description:
      'A step of a deletion is still owed, or a participant has not acknowledged it, after `DELETION_DEADLINE`; `userDeletion` says which.',
    data: {
      userId,
      announcedAt: { description: 'When `user.deleted` was announced.', type: 'string', format: 'date-time' },
    },
  },
  'session.reuse_detected': {
    description: 'A refresh token was used a second time. It may have been stolen, and its session has ended.',
    data: { userId, sessionId: id('The session that has ended.') },
  },
  'mail.requested': {
    description: 'Internal: a mail waits to be sent. It may change or go at any time.',
    data: { mailId: id('The mail.') },
  },
};

/** The attributes of every event, also of a type that is not known here. */
const ENVELOPE = {
  specversion: { const: '1.0' },
  id: { description: 'The same at each repetition: count it once.', type: 'string', format: 'uuid' },
  source: { const: SOURCE },
  type: { type: 'string', minLength: 1 },
  subject: { type: 'string', minLength: 1 },
  time: { description: 'When it happened.', type: 'string', format: 'date-time' },
  datacontenttype: { const: 'application/json' },
  data: { type: 'object' },
} as const satisfies Record<keyof CloudEvent, object>;

/** An object whose named members must be there, and which may have others. */
const open = <P extends object>(properties: P) =>
  ({ type: 'object', required: Object.keys(properties), properties }) as const;

const $schema = 'https://json-schema.org/draft/2020-12/schema';

export const ENVELOPE_SCHEMA = { $schema, ...open(ENVELOPE) };

/**
 * The schema of a whole event. It does not forbid additional members: consumers hold messages against the schema that
 * they know, and one that is added later must not stop them.
 */
export function eventSchema(type: EventType) {
  const { description, data } = EVENTS[type];
  const subject = id(type === 'mail.requested' ? 'The mail.' : 'The user.');
  const properties = { ...ENVELOPE, type: { const: type }, subject, data: open(data) };
  return { $schema, title: type, description, ...open(properties) };
}

export const EVENT_TYPES = Object.keys(EVENTS) as EventType[];
