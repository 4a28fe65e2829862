import { type RawQueryFragment, raw, sql } from '@mikro-orm/core';
import { badInput } from '../errors.js';
import { partOfEmail } from './email-address.js';
import { ROLE_IDS } from './role.entity.js';
import { searchKey } from './search-key.js';
import { AccountState, type UserFilter } from './user.inputs.js';

/** More would be a load on the database that no screen has a use for. */
const MAX_CONDITIONS = 50;
const MAX_DEPTH = 5;
const MAX_SEARCH_LENGTH = 100;

/** What holds for some rows of `users`. */
export type Condition = RawQueryFragment;

const OPEN = sql`deleted_at is null`;

const STATES: Record<AccountState, Condition> = {
  [AccountState.ACTIVE]: sql`(${OPEN} and is_active)`,
  [AccountState.DEACTIVATED]: sql`(${OPEN} and not is_active)`,
  [AccountState.CLOSED]: sql`deleted_at is not null`,
};

/**
 * The filter as a condition for the database; of open accounts alone where it names no state.
 * @throws {IdentityError} BAD_USER_INPUT for more than 50 conditions, more than 5 levels, or a search that no text can
 *   hold.
 */
export function toWhere(filter: UserFilter | null | undefined): Condition {
  let conditions = 0;
  let hasStates = false;

  const walk = (part: UserFilter, depth: number): Condition => {
    if (depth > MAX_DEPTH) throw badInput('filter', `has more than ${MAX_DEPTH} levels`);
    const all: Condition[] = [
      ...given(part.search, found),
      ...given(part.email, (email) => sql`email = ${email}`),
      ...given(part.role, (role) => sql`role_id = ${ROLE_IDS[role]}`),
      ...given(part.isActive, (isActive) => sql`is_active = ${isActive}`),
      ...given(part.states, (states) => {
        hasStates = true;
        return anyOf(states.map((state) => STATES[state]));
      }),
      ...given(part.createdFrom, (time) => sql`created_at >= ${time}`),
      ...given(part.createdBefore, (time) => sql`created_at < ${time}`),
    ];
    // The outermost filter holds the others, and counts where it has a condition of its own.
    conditions += depth === 1 ? all.length : Math.max(1, all.length);
    if (conditions > MAX_CONDITIONS) throw badInput('filter', `has more than ${MAX_CONDITIONS} conditions`);
    const parts = (list: UserFilter[]) => list.map((item) => walk(item, depth + 1));
    all.push(
      ...given(part.and, (list) => allOf(parts(list))),
      ...given(part.or, (list) => anyOf(parts(list))),
      ...given(part.not, (item) => sql`not ${walk(item, depth + 1)}`),
    );
    return allOf(all);
  };

  const where = filter ? walk(filter, 1) : allOf([]);
  return hasStates ? where : allOf([OPEN, where]);
}

export const allOf = (conditions: Condition[]): Condition => joined(conditions, ' and ', sql`true`);
const anyOf = (conditions: Condition[]): Condition => joined(conditions, ' or ', sql`false`);

const joined = (conditions: Condition[], operator: string, ofNone: Condition): Condition =>
  conditions.length > 0 ? raw(`(${conditions.map(() => '?').join(operator)})`, conditions) : ofNone;

const given = <T>(value: T | null | undefined, condition: (value: T) => Condition): Condition[] =>
  value === null || value === undefined ? [] : [condition(value)];

/** Matches everybody for a text without anything to look for, as an empty field of a form does. */
function found(given: string): Condition {
  const text = given.trim();
  if (text.length > MAX_SEARCH_LENGTH || text.includes('\0') || !text.isWellFormed()) {
    throw badInput('filter.search', `must be a text of at most ${MAX_SEARCH_LENGTH} characters`);
  }
  const key = searchKey(text);
  const inEmail = new Set([key, partOfEmail(text)]);
  return anyOf([contains('name_key', key), ...[...inEmail].map((part) => contains('email', part))]);
}

const contains = (column: string, part: string): Condition =>
  raw(`${column} like ?`, [`%${part.replace(/[\\%_]/g, '\\$&')}%`]);
