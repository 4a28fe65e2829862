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
 * Handles an event once, however often it comes.
 * @throws what the handler or the database does: then nothing has happened.
 */
export async function handle(em: EntityManager, parts: HandlerParts, event: CloudEvent): Promise<void> {
  const { log } = parts;
  if (!isHeard(event.type)) {
    log.debug({ eventId: event.id, type: event.type }, 'event of no concern');
    return;
  }
  const handler = HANDLERS[event.type] as Handler<EventType>;
  await em.fork().transactional(async (em) => {
    // Of two at once the second waits here for the first one's end.
    const first = await em.execute('insert into inbox (id, type) values (?, ?) on conflict do nothing returning id', [
      event.id,
      event.type,
    ]);
    if (first.length === 0) return log.debug({ eventId: event.id }, 'event was handled before');
    await handler(event, em, parts);
  });
  // Its steps are due from the commit on.
  if (event.type === 'user.deleted') parts.deletions.wake();
}
