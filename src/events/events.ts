/** What other systems hear, with the data they get: ids and no personal data, for an event outlives the account. */
export interface EventData {
  'user.registered': { userId: string };
  'user.deleted': { userId: string; deletedBy: string; deletedAt: string };
  'user.role_changed': { userId: string; role: string; changedBy: string };
  'user.password_changed': { userId: string };
  'session.reuse_detected': { userId: string; sessionId: string };
  /** Not for others: it is how a mail finds whoever sends it. */
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

/** Narrows a received message. @throws {TypeError} naming what does not fit, without its value. */
export function parseCloudEvent(message: unknown): CloudEvent {
  const event = (typeof message === 'object' && message !== null ? message : {}) as Record<string, unknown>;
  if (event.specversion !== '1.0') throw new TypeError('specversion is not 1.0');
  for (const name of ['id', 'source', 'type', 'subject', 'time']) {
    if (typeof event[name] !== 'string' || event[name] === '') throw new TypeError(`${name} is missing`);
  }
  const data = event.data as Record<string, unknown> | null | undefined;
  if (typeof (data?.userId ?? data?.mailId) !== 'string') throw new TypeError('data.userId is missing');
  return event as unknown as CloudEvent;
}
