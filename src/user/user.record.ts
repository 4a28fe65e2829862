import { raw } from '@mikro-orm/core';
import { User } from './user.entity.js';

/** What a cache may hold of a user: plain JSON, and never the hash of the password. */
export type UserRecord = Pick<User, 'id' | 'email' | 'name' | 'roleId' | 'isActive' | 'emailVerified'> & {
  createdAt: Date | string;
  updatedAt: Date | string;
  deletedAt: Date | string | null;
};

const FIELDS = [
  'id',
  'email',
  'name',
  'roleId',
  'isActive',
  'emailVerified',
  'createdAt',
  'updatedAt',
  'deletedAt',
] as const satisfies (keyof UserRecord)[];

export const columnOf = (field: keyof User): string => field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** What a query of `users` selects for a record: an entity would cost more than its query. */
export const RECORD_COLUMNS = raw(FIELDS.map((field) => `${columnOf(field)} as "${field}"`).join(', '));

/**
 * As a user, but with plain values: what MikroORM keeps of changes to an entity takes longer than to read it from the
 * cache.
 */
const PLAIN = Object.create(
  User.prototype,
  Object.fromEntries(FIELDS.map((name) => [name, { value: undefined, writable: true }])),
);

/** A user to read from, unknown to any entity manager. */
export function fromRecord(record: UserRecord): User {
  return Object.assign(Object.create(PLAIN) as User, record, {
    createdAt: new Date(record.createdAt),
    updatedAt: new Date(record.updatedAt),
    deletedAt: record.deletedAt === null ? null : new Date(record.deletedAt),
  });
}
