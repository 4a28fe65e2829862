import type { EntityManager } from '@mikro-orm/postgresql';
import type { Logger } from 'pino';
import type { AuditTrail } from '../../src/audit/audit-trail.js';
import type { Config } from '../../src/config/config.js';
import { PARTICIPANT_STEPS } from '../../src/deletion/acknowledge.js';
import type { Deletion } from '../../src/deletion/deletion.entity.js';
import type { PurgeParts } from '../../src/deletion/purge.js';
import { Acknowledgements } from '../../src/keys/acknowledgements.js';
import { MAIL, noticesAreSent } from './mail.js';
import { participantStep } from './participant.js';
import { PURGE, purge } from './purge.js';
import { webhookStep } from './webhook.js';

/** What steps work with. */
export interface StepParts extends PurgeParts {
  em: EntityManager;
  audit: AuditTrail;
  log: Logger;
}

/**
 * What is owed after the closing of an account. It may run again after it was done: its process can end before the
 * receipt is written. `false` where it waits for another system: it is asked again, after a pause that grows with its age
 * where it names none.
 * @throws {StepFailure} with a reason that may be shown to an admin, and anything else without one.
 */
export type Step = (deletion: Deletion, parts: StepParts) => Promise<boolean | { askAgainInSeconds: number }>;

export type Steps = ReadonlyMap<string, Step>;

type StepSettings = Pick<Config, 'deletionWebhooks' | 'deletionWebhooksPrivate' | 'deletionParticipants'>;

/** Each has its receipt, by its name. The purge comes when all others are done, but for those of participants. */
export function stepsOf(settings: StepSettings, archive: Step | null): Steps {
  const { deletionWebhooks, deletionWebhooksPrivate: isPrivate, deletionParticipants } = settings;
  const acknowledgements = new Acknowledgements(deletionParticipants);
  return new Map<string, Step>([
    [MAIL, noticesAreSent],
    ...(archive ? [['archive', archive] as const] : []),
    ...deletionWebhooks.map((webhook) => [`webhook:${webhook.name}`, webhookStep(webhook, isPrivate)] as const),
    ...deletionParticipants.map(
      (participant) =>
        [`${PARTICIPANT_STEPS}${participant.name}`, participantStep(participant, acknowledgements, isPrivate)] as const,
    ),
    [PURGE, purge],
  ]);
}
