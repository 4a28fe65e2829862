import type { Opt } from '@mikro-orm/core';
import { Entity, Index, PrimaryKey, Property, Trigger } from '@mikro-orm/decorators/legacy';
import { v7 as uuidv7 } from 'uuid';
import { type CloudEvent, type EventData, type EventType, SOURCE } from './events.js';

/** An event that was committed with its change and waits for the relay. Published rows are kept as a record. */
@Entity({ tableName: 'outbox' })
@Index({ name: 'idx_outbox_subject', properties: ['subject'] })
@Index({ name: 'idx_outbox_due', properties: ['nextAttemptAt', 'id'], where: 'published_at is null' })
@Trigger<typeof OutboxEvent>({
  name: 'outbox_filled',
  timing: 'after',
  events: ['insert'],
  forEach: 'statement',
  body: `perform pg_notify('gatehouse', 'outbox');
return null;`,
})
export class OutboxEvent {
  /** Ordered by time, and the id under which consumers count a repetition once. */
  @PrimaryKey({ type: 'uuid' })
  id: string = uuidv7();

  @Property({ type: 'text' })
  type: EventType;

  @Property({ type: 'text' })
  subject: string;

  @Property({ type: 'json' })
  data: EventData[EventType];

  @Property({ type: 'datetime', length: 3 })
  occurredAt: Date = new Date();

  @Property({ type: 'integer', default: 0 })
  attempts: number = 0;

  /**
   * Also the end of a relay's lease: a claimed event whose relay died is due again from then on. By the database's clock,
   * as relays read it.
   */
  @Property({ type: 'datetime', length: 3, defaultRaw: 'now()' })
  nextAttemptAt!: Opt<Date>;

  @Property({ type: 'datetime', length: 3, nullable: true })
  publishedAt: Date | null = null;

  constructor(type: EventType, subject: string, data: EventData[EventType]) {
    this.type = type;
    this.subject = subject;
    this.data = data;
  }
}

export const userRegistered = (userId: string) => new OutboxEvent('user.registered', userId, { userId });

export const emailVerified = (userId: string) => new OutboxEvent('user.email_verified', userId, { userId });

export const emailChanged = (userId: string) => new OutboxEvent('user.email_changed', userId, { userId });

export const passwordChanged = (userId: string) => new OutboxEvent('user.password_changed', userId, { userId });

export const roleChanged = (userId: string, role: EventData['user.role_changed']['role'], changedBy: string) =>
  new OutboxEvent('user.role_changed', userId, { userId, role, changedBy });

export const userDeactivated = (userId: string, deactivatedBy: string) =>
  new OutboxEvent('user.deactivated', userId, { userId, deactivatedBy });

export const userActivated = (userId: string, activatedBy: string) =>
  new OutboxEvent('user.activated', userId, { userId, activatedBy });

export const deletionScheduled = (userId: string, deletedBy: string, purgeAt: Date) =>
  new OutboxEvent('user.deletion_scheduled', userId, { userId, deletedBy, purgeAt: purgeAt.toISOString() });

export const userRestored = (userId: string, restoredBy: string) =>
  new OutboxEvent('user.restored', userId, { userId, restoredBy });

export const userDeleted = (userId: string, deletedBy: string, at: Date) =>
  new OutboxEvent('user.deleted', userId, { userId, deletedBy, deletedAt: at.toISOString() });

export const deletionOverdue = (userId: string, announcedAt: Date) =>
  new OutboxEvent('user.deletion_overdue', userId, { userId, announcedAt: announcedAt.toISOString() });

export const reuseDetected = (userId: string, sessionId: string) =>
  new OutboxEvent('session.reuse_detected', userId, { userId, sessionId });

export const mailRequested = (mailId: string) => new OutboxEvent('mail.requested', mailId, { mailId });

type Occurrence = Pick<OutboxEvent, 'id' | 'type' | 'subject' | 'data' | 'occurredAt'>;

export const toCloudEvent = ({ id, type, subject, data, occurredAt }: Occurrence): CloudEvent => ({
  specversion: '1.0',
  id,
  source: SOURCE,
  type,
  subject,
  time: occurredAt.toISOString(),
  datacontenttype: 'application/json',
  data,
});
