import type { EntityManager } from '@mikro-orm/postgresql';
import type { Logger } from 'pino';
import { acknowledge } from '../src/deletion/acknowledge.js';
import type { Acknowledgement, Acknowledgements } from '../src/keys/acknowledgements.js';
import { handleMessage } from './handle-message.js';
import type { Receiver } from './rabbit-consumer.js';

/** What a participant has signed is the whole content of its message. */
export const receiveAcknowledgement = (
  em: EntityManager,
  log: Logger,
  acknowledgements: Acknowledgements,
): Receiver<Acknowledgement> => ({
  parse: (content) => acknowledgements.verify(String(content)),
  receive: (acknowledgement, ackOrNack, { stopping }) =>
    handleMessage({ em, log, stopping, about: acknowledgement }, ackOrNack, async () => {
      await acknowledge(em, acknowledgement);
      log.info(acknowledgement, 'erasure acknowledged');
    }),
});
