import type { FilterQuery } from '@mikro-orm/core';
import type { ReadReplicas } from '../database/read-replicas.js';
import { badInput } from '../errors.js';
import { checkedSize, connectionOf, DEFAULT_SIZE } from '../paging/connection.js';
import type { Cursors, Position } from '../paging/cursor.js';
import { canonicalUuid } from '../text/uuid.js';
import type { AuditEventsArgs, AuditFilter } from './audit.inputs.js';
import { isAuditAction } from './audit-actions.js';
import { AuditEvent } from './audit-event.entity.js';

const ORDER = 'audit events';

/** Reads what happened, newest first. Never from the cache: nothing would tell that events were added since. */
export class AuditService {
  constructor(
    private readonly replicas: ReadReplicas,
    private readonly cursors: Cursors,
  ) {}

  /** @throws {IdentityError} BAD_USER_INPUT for a size, a cursor, an id or an action that is none. */
  async page({ first, after, filter }: AuditEventsArgs) {
    const size = checkedSize(first ?? DEFAULT_SIZE, 'first');
    const position = typeof after === 'string' ? this.#position(after) : null;
    const where: FilterQuery<AuditEvent> = {
      $and: [toWhere(filter ?? {}), position ? { id: { $lt: position.id } } : {}],
    };
    const rows = await this.replicas.read((em) =>
      em.find(AuditEvent, where, { orderBy: { id: 'desc' }, limit: size + 1 }),
    );
    const range = { size, fromEnd: false, after: position, before: null };
    return connectionOf(rows, range, ({ id }) => this.cursors.encode({ value: '', id }, ORDER));
  }

  #position(cursor: string): Position {
    const position = this.cursors.decode(cursor, ORDER);
    if (!position) throw badInput('after', 'is not a cursor of this list');
    return position;
  }
}

function toWhere({ actorId, subjectId, action, from, before }: AuditFilter): FilterQuery<AuditEvent> {
  if (typeof action === 'string' && !isAuditAction(action))
    throw badInput('filter.action', 'must be the name of an action, such as login.failed');
  const id = { ...(from && { $gte: firstIdAt(from) }), ...(before && { $lt: firstIdAt(before) }) };
  return {
    ...(typeof actorId === 'string' && { actorId: canonicalUuid(actorId, 'filter.actorId') }),
    ...(typeof subjectId === 'string' && { subjectId: canonicalUuid(subjectId, 'filter.subjectId') }),
    ...(typeof action === 'string' && { action }),
    ...(Object.keys(id).length > 0 && { id }),
  };
}

const LAST_MS = 2 ** 48 - 1;

/** The least id that a UUIDv7 of this time can have: the index of the ids is the index of the times. */
function firstIdAt(time: Date): string {
  const hex = Math.min(Math.max(time.getTime(), 0), LAST_MS).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`;
}
