/** What other systems hear, with the data they get: ids and no personal data, for an event outlives the account. */
/** As events say it; consumers hold their own copy of this list. */
export const ROLE_NAMES = ['ADMIN', 'MEMBER'] as const;
export type RoleName = (typeof ROLE_NAMES)[number];

export interface EventData {
  'user.registered': { userId: string };
  'user.email_verified': { userId: string };
  'user.email_changed': { userId: string };
  'user.password_changed': { userId: string };
  'user.role_changed': { userId: string; role: RoleName; changedBy: string };
  'user.deactivated': { userId: string; deactivatedBy: string };
  'user.activated': { userId: string; activatedBy: string };
  'user.deletion_scheduled': { userId: string; deletedBy: string; purgeAt: string };
  'user.restored': { userId: string; restoredBy: string };
  'user.deletion_overdue': { userId: string; announcedAt: string };
  'user.deleted': { userId: string; deletedBy: string; deletedAt: string };
  'session.reuse_detected': { userId: string; sessionId: string };
  /** Not for other services: it brings a mail to its sender. */
  'mail.requested': { mailId: string };
}
export type EventType = keyof EventData;

/** CloudEvents 1.0 in its JSON format (https://github.com/cloudevents/spec). */
export interface CloudEvent<T extends EventType = EventType> {
  specversion: '1.0';
  /** The same at each repetition: who has seen it, has had the event. */
  id: string;
  source: string;
  type: T;
  /** The user's id; of `mail.requested` the mail's. */
  subject: string;
  /** RFC 3339, when it happened. */
  time: string;
  datacontenttype: 'application/json';
  data: EventData[T];
}

export const SOURCE = '/gatehouse';
