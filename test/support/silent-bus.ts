import type { EventBus } from '../../src/events/bus.js';

/** A broker that is away: events and mails wait, and a suite sees the statements of its own requests alone. */
export const SILENT_BUS: EventBus = {
  slowTypes: [],
  batchesAtOnce: 1,
  isUp: () => false,
  publish: async () => {
    throw new Error('the bus is silent');
  },
  onUp: () => undefined,
  close: async () => undefined,
};
