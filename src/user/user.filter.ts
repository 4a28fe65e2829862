import type { FilterQuery } from '@mikro-orm/core';
import { badInput } from '../errors.js';
import { partOfEmail } from './email-address.js';
import { ROLE_IDS } from './role.entity.js';
import { searchKey } from './search-key.js';
import type { User } from './user.entity.js';
import { AccountState, type UserFilter } from './user.inputs.js';

/** More would be a load on the database that no screen has a use for. */
const MAX_CONDITIONS = 50;
const MAX_DEPTH = 5;
const MAX_SEARCH_LENGTH = 100;

type Where = Extract<FilterQuery<User>, object>;
const NO_USER: Where = { id: { $in: [] } };
const OPEN: Where = { deletedAt: null };

const STATES: Record<AccountState, Where> = {
  [AccountState.ACTIVE]: { ...OPEN, isActive: true },
  [AccountState.DEACTIVATED]: { ...OPEN, isActive: false },
  [AccountState.CLOSED]: { deletedAt: { $ne: null } },
};

/**
 * The filter as a condition for the database; of open accounts alone where it names no state.
 * @throws {IdentityError} BAD_USER_INPUT for more than 50 conditions, more than 5 levels, or a search that no text can
 *   hold.
 */
export function toWhere(filter: UserFilter | null | undefined): Where {
  let conditions = 0;
  let hasStates = false;

  const walk = (part: UserFilter, depth: number): Where => {
    if (depth > MAX_DEPTH) throw badInput('filter', `has more than ${MAX_DEPTH} levels`);
    const all: Where[] = [
      ...given(part.search, found),
      ...given(part.email, (email) => ({ email })),
      ...given(part.role, (role) => ({ roleId: ROLE_IDS[role] })),
      ...given(part.isActive, (isActive) => ({ isActive })),
      ...given(part.states, (states) => {
        hasStates = true;
        return anyOf(states.map((state) => STATES[state]));
      }),
      ...given(part.createdFrom, (time) => ({ createdAt: { $gte: time } })),
      ...given(part.createdBefore, (time) => ({ createdAt: { $lt: time } })),
    ];
    // The outermost filter holds the others, and counts where it has a condition of its own.
    conditions += depth === 1 ? all.length : Math.max(1, all.length);
    if (conditions > MAX_CONDITIONS) throw badInput('filter', `has more than ${MAX_CONDITIONS} conditions`);
    const parts = (list: UserFilter[]) => list.map((item) => walk(item, depth + 1));
    all.push(
      ...given(part.and, (list) => ({ $and: parts(list) })),
      ...given(part.or, (list) => anyOf(parts(list))),
      ...given(part.not, (item) => ({ $not: walk(item, depth + 1) })),
    );
    return all.length > 0 ? { $and: all } : {};
  };

  const where = filter ? walk(filter, 1) : {};
  return hasStates ? where : { $and: [OPEN, where] };
}

const anyOf = (conditions: Where[]): Where => (conditions.length > 0 ? { $or: conditions } : NO_USER);

const given = <T>(value: T | null | undefined, condition: (value: T) => object): Where[] =>
  value === null || value === undefined ? [] : [condition(value) as Where];

/** Matches everybody for a text without anything to look for, as an empty field of a form does. */
function found(given: string): object {
  const text = given.trim();
  if (text.length > MAX_SEARCH_LENGTH || text.includes('\0') || !text.isWellFormed()) {
    throw badInput('filter.search', `must be a text of at most ${MAX_SEARCH_LENGTH} characters`);
  }
  const key = searchKey(text);
  const inEmail = new Set([key, partOfEmail(text)]);
  return { $or: [{ nameKey: contains(key) }, ...[...inEmail].map((part) => ({ email: contains(part) }))] };
}

const contains = (part: string) => ({ $like: `%${part.replace(/[\\%_]/g, '\\$&')}%` });
