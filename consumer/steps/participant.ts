import type { Participant } from '../../src/config/webhooks.js';
import type { Acknowledgement, Acknowledgements } from '../../src/keys/acknowledgements.js';
import { StepFailure } from './step-failure.js';
import type { Step } from './steps.js';
import { tell } from './webhook.js';

/** For one that has not acknowledged yet: it may do so at any time, and its receipt is written then. */
const LATER = { askAgainInSeconds: 3600 };

/**
 * Is done when the participant has acknowledged the erasure. One with a URL is told there, and may acknowledge in its
 * answer; as long as it does not, it is told again each hour.
 */
export const participantStep =
  ({ name, url, secret }: Participant, acknowledgements: Acknowledgements, allowsPrivate: boolean): Step =>
  async (deletion) => {
    if (url === null) return LATER;
    const answer = (await tell({ url, secret }, deletion, allowsPrivate)).trim();
    if (answer === '') return LATER;
    const { participant, userId } = acknowledgementIn(answer, acknowledgements);
    if (participant !== name || userId !== deletion.userId) throw new StepFailure('acknowledged another erasure');
    return true;
  };

function acknowledgementIn(answer: string, acknowledgements: Acknowledgements): Acknowledgement {
  try {
    return acknowledgements.verify(answer);
  } catch {
    throw new StepFailure('answered what is no acknowledgement');
  }
}
