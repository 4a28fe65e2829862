import type { CellName } from './cells.js';

/** A build that breaks one rule of the delivery, and the fault that shows it; null where the simulation alone does. */
export interface Sabotage {
  name: string;
  cell: CellName | null;
  file: string;
  /** Texts of the file, and what stands in their place. */
  changes: [from: string, to: string][];
}

const [ACCOUNT, RELAY, CHANNEL, BUS] = [
  'src/account/account.service.js',
  'src/events/relay.js',
  'src/events/confirmed-channel.js',
  'src/events/rabbit-bus.js',
];
const [MESSAGE, TOGETHER, INBOX, OWED] = [
  'consumer/handle-message.js',
  'consumer/receive-event.js',
  'consumer/handlers/handle.js',
  'consumer/handlers/user-deleted.js',
];
const [WORKER, PURGE, MAIL] = ['consumer/deletion-worker.js', 'src/deletion/purge.js', 'consumer/receive-mail.js'];

const LEASED = `interval '\${LEASE_SECONDS} seconds'`;
const STORED = 'em.persist([deletion, event]);';
const PUBLISHED = 'await this.bus.publish(toCloudEvent(event));';
const WORKS = 'await work();';
const RUNS = 'const result = await answeredInTime(run(deletion, this.parts), STEP_MS);';
const RECORDED = 'const first = await recordInInbox(em, heard);';

export const SABOTAGES: Sabotage[] = [
  // The change and its event.
  {
    name: 'published before the change is committed',
    cell: 'API killed before the commit of the deletion',
    file: ACCOUNT,
    changes: [[STORED, 'await this.parts.em.fork().persist(event).flush(); em.persist(deletion);']],
  },
  { name: 'no event', cell: 'usual course', file: ACCOUNT, changes: [[STORED, 'em.persist(deletion);']] },
  {
    name: 'two events of one deletion',
    cell: 'usual course',
    file: ACCOUNT,
    changes: [[STORED, 'em.persist([deletion, event, userDeleted(userId, actor.userId, now)]);']],
  },
  {
    name: 'an event without its deletion',
    cell: 'usual course',
    file: ACCOUNT,
    changes: [[STORED, 'em.persist(event);']],
  },
  {
    name: 'no mail is ordered',
    cell: 'usual course',
    file: ACCOUNT,
    changes: [
      ['orderMail(em, { userId: user.id, kind: MailKind.ACCOUNT_CLOSED, recipient: user.email, language });', ''],
    ],
  },
  // From the outbox to the broker.
  {
    name: 'marked as published before the broker has it',
    cell: 'API killed between commit and publication',
    file: RELAY,
    changes: [['set attempts = attempts + 1,', 'set attempts = attempts + 1, published_at = now(),']],
  },
  {
    name: 'published and not waited for',
    cell: 'broker killed with publications in hand',
    file: RELAY,
    changes: [[PUBLISHED, 'void this.bus.publish(toCloudEvent(event)).catch(() => undefined);']],
  },
  {
    name: 'what was not published is marked too',
    cell: 'broker killed with publications in hand',
    file: RELAY,
    changes: [['failed.push(event.id);', 'published.push(event.id);']],
  },
  {
    name: 'never marked as published',
    cell: 'usual course',
    file: RELAY,
    changes: [['if (published.length > 0)', 'if (published.length > BATCH)']],
  },
  {
    name: 'another id for each publication',
    cell: 'API killed between publication and its mark',
    file: RELAY,
    changes: [[PUBLISHED, 'await this.bus.publish(toCloudEvent({ ...event, id: crypto.randomUUID() }));']],
  },
  {
    name: 'an event that is claimed stays claimed',
    cell: 'API killed between commit and publication',
    file: RELAY,
    changes: [[LEASED, "interval '1 year'"]],
  },
  {
    name: 'no look without a notification',
    cell: 'same events published again',
    file: RELAY,
    changes: [['this.#timer = setTimeout(() => this.wake(), POLL_MS);', '']],
  },
  {
    name: 'no confirm of the broker',
    cell: 'broker killed with publications in hand',
    file: CHANNEL,
    changes: [['const timer =', 'resolve(); const timer =']],
  },
  {
    name: 'an error of the broker is a confirm',
    cell: 'broker killed with publications in hand',
    file: CHANNEL,
    changes: [['error ? reject(error) : resolve();', 'resolve();']],
  },
  {
    name: 'another routing key',
    cell: 'usual course',
    file: BUS,
    changes: [['publish(EXCHANGE, event.type,', "publish(EXCHANGE, 'other',"]],
  },
  // From the broker to the inbox.
  {
    name: 'acknowledged before the commit',
    cell: 'consumer killed before the commit of its handler',
    file: MESSAGE,
    changes: [
      [
        WORKS,
        `ackOrNack(); ackOrNack = () => undefined; await new Promise((resolve) => setTimeout(resolve, 200)); ${WORKS}`,
      ],
    ],
  },
  {
    name: 'handled and not waited for',
    cell: 'database killed while events are handled',
    file: MESSAGE,
    changes: [[WORKS, 'void work().catch(() => undefined);']],
  },
  {
    name: 'an outage of the database counts as an attempt',
    cell: 'database killed while events are handled',
    file: MESSAGE,
    changes: [
      ['if (!outage && (await answers(em)))', 'if (true)'],
      ['const ATTEMPTS = 10;', 'const ATTEMPTS = 1;'],
    ],
  },
  {
    name: 'a dead letter at the first failure',
    cell: 'database killed while events are handled',
    file: MESSAGE,
    changes: [['if (failures === ATTEMPTS)', 'if (failures <= ATTEMPTS)']],
  },
  {
    name: 'what was not handled is acknowledged',
    cell: 'database killed while events are handled',
    file: TOGETHER,
    changes: [['return events.map(() => error);', 'return events.map(() => null);']],
  },
  {
    name: 'no inbox',
    cell: 'consumer killed between commit and acknowledgement',
    file: INBOX,
    changes: [['if (first.delete(event.id))', 'if (first.delete(event.id) || true)']],
  },
  {
    name: 'the inbox is committed by itself',
    cell: 'consumer killed before the commit of its handler',
    file: INBOX,
    changes: [[RECORDED, `${RECORDED} await em.commit(); await em.begin();`]],
  },
  {
    name: 'no purge among the steps',
    cell: 'usual course',
    file: OWED,
    changes: [['deletions.stepNames.join()', "deletions.stepNames.filter((name) => name !== 'purge').join()"]],
  },
  // The steps, and their receipts.
  {
    name: 'receipt of a step before it is done',
    cell: 'worker killed before the commit of the purge',
    file: WORKER,
    changes: [
      [RUNS, `await this.#settle(userId, step, { status: ReceiptStatus.DONE, finishedAt: new Date() }); ${RUNS}`],
    ],
  },
  {
    name: 'no receipt',
    cell: 'usual course',
    file: WORKER,
    changes: [['status: ReceiptStatus.DONE,', 'status: ReceiptStatus.PENDING,']],
  },
  {
    name: 'purged before the other steps',
    cell: 'mail server away',
    file: 'consumer/steps/purge.js',
    changes: [["and status <> 'done' limit 1", 'and false']],
  },
  {
    name: 'a step that waits is done',
    cell: 'mail server away',
    file: WORKER,
    changes: [['if (result !== true) {', 'if (result === null) {']],
  },
  {
    name: 'a step that is claimed stays claimed',
    cell: 'worker killed between a step and its receipt',
    file: WORKER,
    changes: [[LEASED, "interval '1 year'"]],
  },
  {
    name: 'a pause by the clock of the process',
    cell: null,
    file: WORKER,
    changes: [["raw(`now() + ? * interval '1 second'`, [seconds])", 'new Date(Date.now() + seconds * 1000)']],
  },
  {
    name: 'purged again',
    cell: 'worker killed between the purge and its receipt',
    file: PURGE,
    changes: [['if (deletion.purgedAt)', 'if (false)']],
  },
  {
    name: 'a purge that is not remembered',
    cell: 'usual course',
    file: PURGE,
    changes: [["await em.nativeUpdate(Deletion, { userId }, { purgedAt: raw('now()') });", '']],
  },
  {
    name: 'a purge without a record',
    cell: 'usual course',
    file: PURGE,
    changes: [["record({ action: 'user.purged', subjectId: userId });", '']],
  },
  {
    name: 'a purge that removes nothing',
    cell: 'usual course',
    file: PURGE,
    changes: [['await purgePersonalData(em, user, parts.erasedMarks);', '']],
  },
  // Mails.
  {
    name: 'a mail that was not sent is acknowledged',
    cell: 'mail server away',
    file: MAIL,
    changes: [['if (await postpone(event, seconds, broker, log, stopping))', 'if (true)']],
  },
];
