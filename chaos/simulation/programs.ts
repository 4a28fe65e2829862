import type { EntityManager } from '@mikro-orm/postgresql';
import type { Logger } from 'pino';
import { DeletionWorker } from '../../consumer/deletion-worker.js';
import { receiveEvent } from '../../consumer/receive-event.js';
import { receiveMail } from '../../consumer/receive-mail.js';
import { stepsOf } from '../../consumer/steps/steps.js';
import { AccountService } from '../../src/account/account.service.js';
import { AuditTrail } from '../../src/audit/audit-trail.js';
import { Cache } from '../../src/cache/cache.js';
import { loadConfig } from '../../src/config/config.js';
import { ReadReplicas } from '../../src/database/read-replicas.js';
import { purgeParts } from '../../src/deletion/purge.js';
import { relaysFor } from '../../src/events/relay.js';
import { type Mailer, MailFailure } from '../../src/mail/mailer.js';
import { Cursors } from '../../src/paging/cursor.js';
import { Passwords } from '../../src/password/password.js';
import { RefreshTokens } from '../../src/session/refresh-token.js';
import { SessionService, sessionLimits } from '../../src/session/session.service.js';
import { Counters } from '../../src/throttle/counters.js';
import { Throttles } from '../../src/throttle/throttles.js';
import { UserService } from '../../src/user/user.service.js';
import type { SimulatedBroker } from './broker.js';
import type { Faults } from './faults.js';
import { SimulatedProcess } from './simulated-process.js';

const PEPPER = 'a pepper of the simulation';
const PREFETCH = { events: 50, mails: 5 };

export interface Surroundings {
  em: EntityManager;
  broker: SimulatedBroker;
  mails: SimulatedMailServer;
  faults: Faults;
  log: Logger;
  deletionGraceSeconds: number;
}

const config = loadConfig({ BCRYPT_COST: '4' });
const purging = purgeParts({ deletionLedger: null }, PEPPER);

/** The part of an API that closes accounts and relays events. */
export class SimulatedApi extends SimulatedProcess {
  readonly accounts: AccountService;
  readonly #relays;

  constructor(name: string, { em, broker, log, deletionGraceSeconds }: Surroundings) {
    super(name);
    const cache = Cache.inMemory(log);
    const audit = new AuditTrail(em, purging.auditDigests);
    this.accounts = new AccountService({
      em,
      audit,
      cache,
      users: new UserService(em, cache, new Cursors(PEPPER), new ReadReplicas(em, log)),
      sessions: new SessionService(em, cache, audit, new RefreshTokens(PEPPER), sessionLimits(config)),
      passwords: new Passwords({ pepper: PEPPER, cost: config.bcryptCost, minLength: config.passwordMinLength }),
      throttles: new Throttles(new Counters(config.limits, null, log), PEPPER, log),
      deletionGraceSeconds,
    });
    this.#relays = relaysFor(em, broker.connect(this).asBus(), log);
    this.run(() => {
      for (const relay of this.#relays) relay.start();
    });
  }

  async stop(): Promise<void> {
    await this.endsIn(Promise.all(this.#relays.map((relay) => this.run(() => relay.stop()))));
  }

  /** The database says that the outbox was filled. */
  hear(): void {
    this.run(() => {
      for (const relay of this.#relays) relay.wake();
    });
  }
}

/** A consumer: its receivers and its worker. */
export class SimulatedConsumer extends SimulatedProcess {
  readonly #stopping = new AbortController();
  readonly #worker: DeletionWorker;

  constructor(name: string, { em, broker, mails, faults, log }: Surroundings) {
    super(name);
    const connection = broker.connect(this);
    const audit = new AuditTrail(em, purging.auditDigests);
    const settings = { ...config, deletionWebhooks: [], deletionParticipants: [] };
    this.#worker = new DeletionWorker({ ...purging, em, audit, log }, stepsOf(settings, null), config);
    const mailer = mails.mailerFor(this, faults);
    const receivers = {
      events: receiveEvent(em, { log, deletions: this.#worker }),
      mails: receiveMail({ em, mailer, publicUrl: config.publicUrl, log }),
    };
    this.run(() => this.#worker.start());
    for (const queue of ['events', 'mails'] as const)
      broker.subscribe(connection, queue, {
        prefetch: PREFETCH[queue],
        receiver: receivers[queue],
        stopping: this.#stopping.signal,
      });
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.endsIn(this.run(() => this.#worker.stop()));
  }
}

/** Takes mails, refuses some, and answers some that it took as if it had not. */
export class SimulatedMailServer {
  /** Recipients. */
  readonly taken = new Set<string>();
  readonly refused = new Set<string>();
  isAway = false;

  mailerFor(process: SimulatedProcess, faults: Faults): Mailer {
    return {
      send: async ({ to }) => {
        await faults.moment(process);
        if (this.isAway) throw new MailFailure('no answer', false, null, null, true);
        if (faults.happens('mailFails')) {
          const how = faults.random();
          if (how < 0.2) this.refused.add(to);
          else if (how < 0.6) this.taken.add(to);
          throw new MailFailure('not taken', how < 0.2);
        }
        this.taken.add(to);
        await faults.moment(process);
      },
      close: () => undefined,
    };
  }
}
