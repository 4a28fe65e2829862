import type { EntityManager } from '@mikro-orm/postgresql';
import type { Logger } from 'pino';
import type { CloudEvent, EventType } from '../../src/events/events.js';
import { noted } from './noted.js';
import { userDeleted } from './user-deleted.js';
import { userRegistered } from './user-registered.js';

/**
 * What an event does here. Runs in a transaction with the row that says it was done; anything outside the database may
 * happen again.
 */
export type Handler<T extends EventType> = (
  event: CloudEvent<T>,
  em: EntityManager,
  parts: HandlerParts,
) => Promise<void>;

export interface HandlerParts {
  log: Logger;
  /** The worker that does what a deletion owes. */
  deletions: { stepNames: readonly string[]; wake(): void };
}

/** What this service hears. */
export type HeardType = Exclude<EventType, 'mail.requested'>;

const HANDLERS: { [T in HeardType]: Handler<T> } = {
  'user.registered': userRegistered,
  'user.email_verified': noted,
  'user.email_changed': noted,
  'user.password_changed': noted,
  'user.role_changed': noted,
  'user.deactivated': noted,
  'user.activated': noted,
  'user.deletion_scheduled': noted,
  'user.restored': noted,
  'user.deleted': userDeleted,
  'user.deletion_overdue': noted,
  'session.reuse_detected': noted,
};

/** Own properties alone: `constructor` is a type that anybody may send. */
const isHeard = (type: string): type is HeardType => Object.hasOwn(HANDLERS, type);

/**
 * Handles events once, however often they come, in one transaction.
 * @throws what a handler or the database does: then nothing has happened.
 */
export async function handle(em: EntityManager, parts: HandlerParts, events: readonly CloudEvent[]): Promise<void> {
  const { log } = parts;
  const heard = events.filter(({ type }) => isHeard(type));
  for (const { id, type } of events) if (!isHeard(type)) log.debug({ eventId: id, type }, 'event of no concern');
  if (heard.length === 0) return;
  await em.fork().transactional(async (em) => {
    const first = await recordInInbox(em, heard);
    for (const event of heard) {
      // The same one may be among them twice.
      if (first.delete(event.id)) await (HANDLERS[event.type as HeardType] as Handler<EventType>)(event, em, parts);
      else log.debug({ eventId: event.id }, 'event was handled before');
    }
  });
  // Their steps are due from the commit on.
  if (heard.some(({ type }) => type === 'user.deleted')) parts.deletions.wake();
}

/**
 * The ids of those that were not handled before. Of two consumers with the same one, the second waits here for the end
 * of the first; in the order of ids, so that two with several do not wait for each other.
 */
async function recordInInbox(em: EntityManager, events: readonly CloudEvent[]): Promise<Set<string>> {
  const first = await em.execute<{ id: string }[]>(
    `insert into inbox (id, type) select id, type from unnest(?::uuid[], ?::text[]) as event (id, type) order by id
     on conflict do nothing returning id`,
    [`{${events.map(({ id }) => id).join()}}`, `{${events.map(({ type }) => type).join()}}`],
  );
  return new Set(first.map(({ id }) => id));
}
