import { validate } from 'uuid';
import { badInput } from '../errors.js';

/**
 * An id as the database writes it.
 * @throws {IdentityError} BAD_USER_INPUT for what is no UUID; `path` is where it was given.
 */
export function canonicalUuid(id: string, path = 'id'): string {
  if (!validate(id)) throw badInput(path, 'must be a UUID');
  return id.toLowerCase();
}
