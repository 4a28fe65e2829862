import { createHash } from 'node:crypto';
import { raw } from '@mikro-orm/core';
import { badInput } from '../errors.js';
import { checkedSize, DEFAULT_SIZE, type Range } from '../paging/connection.js';
import type { Cursors, Position } from '../paging/cursor.js';
import { canonicalJson } from '../text/canonical-json.js';
import type { User } from './user.entity.js';
import { allOf, type Condition } from './user.filter.js';
import { OrderDirection, UserOrderField, type UsersArgs } from './user.inputs.js';
import { columnOf } from './user.record.js';

/** The arguments of `users`, checked and complete. */
export interface PageRequest extends Range {
  field: UserOrderField;
  direction: OrderDirection;
}

/**
 * @throws {IdentityError} BAD_USER_INPUT for a size outside 1 to 100, `first` with `last`, and a cursor that is not of
 *   this list.
 */
export function pageRequest(args: UsersArgs, cursors: Cursors): PageRequest {
  const { first = null, last = null } = args;
  if (first !== null && last !== null) throw badInput('first', 'and last exclude each other');
  const size = checkedSize(first ?? last ?? DEFAULT_SIZE, last === null ? 'first' : 'last');

  const field = args.orderBy?.field ?? UserOrderField.CREATED_AT;
  const direction = args.orderBy?.direction ?? OrderDirection.DESC;
  const position = (name: 'after' | 'before'): Position | null => {
    const cursor = args[name];
    if (cursor === null || cursor === undefined) return null;
    const decoded = cursors.decode(cursor, orderName({ field, direction }));
    if (!decoded) throw badInput(name, 'is not a cursor of this list in this order');
    return decoded;
  };
  return { size, fromEnd: last !== null, field, direction, after: position('after'), before: position('before') };
}

export const orderName = ({ field, direction }: Pick<PageRequest, 'field' | 'direction'>) =>
  `users ${field} ${direction}`;

export function positionOf(user: User, { field }: Pick<PageRequest, 'field'>): Position {
  const value = user[field];
  return { value: value instanceof Date ? value.toISOString() : value, id: user.id };
}

/** The rows of the range; `limit` is one more than the page, to see whether there is a next one. */
export function pageQuery({ size, fromEnd, field, direction, after, before }: PageRequest) {
  const reading = fromEnd ? opposite(direction) : direction;
  const bounds = [after && beyond(after, field, direction), before && beyond(before, field, opposite(direction))];
  return {
    within: allOf(bounds.filter((bound) => bound !== null)),
    order: raw(`${columnOf(field)} ${reading}, id ${reading}`),
    limit: size + 1,
  };
}

const opposite = (direction: OrderDirection) =>
  direction === OrderDirection.ASC ? OrderDirection.DESC : OrderDirection.ASC;

/** A comparison of rows, which the database answers by walking the index from there. */
function beyond({ value, id }: Position, field: UserOrderField, direction: OrderDirection): Condition {
  const operator = direction === OrderDirection.ASC ? '>' : '<';
  const at = field === UserOrderField.CREATED_AT || field === UserOrderField.UPDATED_AT ? new Date(value) : value;
  return raw(`(${columnOf(field)}, id) ${operator} (?, ?)`, [at, id]);
}

/** One key for all ways to write the same arguments. */
export const digestOf = (value: unknown) => createHash('sha256').update(canonicalJson(value)).digest('base64url');
