import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import rascal, { type BrokerAsPromised } from 'rascal';
import { type BrokerSettings, topology } from './topology.js';

const FIRST_RETRY_MS = 200;
const MAX_RETRY_MS = 5_000;

/**
 * A broker with our topology. Rascal comes back after a lost connection by itself, but gives up where the first one
 * fails; so that is tried again here, until it works (then `onConnected`) or `signal` ends it.
 */
export async function connectBroker(
  settings: BrokerSettings,
  log: Logger,
  signal: AbortSignal,
  onConnected: (broker: BrokerAsPromised) => Promise<void>,
): Promise<void> {
  for (let wait = FIRST_RETRY_MS; !signal.aborted; wait = Math.min(wait * 2, MAX_RETRY_MS)) {
    try {
      const broker = await rascal.BrokerAsPromised.create(topology(settings));
      let lost: string | null = null;
      broker.on('connect', () => {
        lost = null;
      });
      // Unheard, any of these ends the process. Each attempt to come back fails with one: a long outage is one line.
      broker.on('error', ({ message }: Error) => {
        if (message !== lost) log.warn({ reason: message }, 'broker connection lost');
        lost = message;
      });
      await onConnected(broker);
      return;
    } catch (error) {
      log.warn(
        { reason: reasonOf(error), retryMs: wait },
        isMissing(error) ? 'broker lacks our queues: run npm run migrate' : 'broker does not answer',
      );
      await shutDownHalfMade(error);
      await delay(wait, undefined, { signal }).catch(() => undefined);
    }
  }
}

/** The code of a refused connection; AMQP's own codes are numbers, and say less than their words. */
function reasonOf(error: unknown): string {
  const { code, message = 'unknown' } = error as { code?: unknown; message?: string };
  return typeof code === 'string' ? code : message;
}

const isMissing = (error: unknown) => error instanceof Error && error.message.includes('NOT_FOUND');

/**
 * Declares our topology.
 * @throws with the reason alone: where the broker does not answer, refuses, or has something else under one of the names.
 */
export async function declareTopology(urls: readonly string[]): Promise<void> {
  try {
    const broker = await rascal.BrokerAsPromised.create(topology({ urls, declares: true }));
    await broker.shutdown();
  } catch (error) {
    await shutDownHalfMade(error);
    throw new Error(reasonOf(error));
  }
}

/** A failed `create` leaves a broker behind, which would go on with connecting. */
async function shutDownHalfMade(error: unknown): Promise<void> {
  const { broker } = error as { broker?: symbol };
  const half = broker && (error as Record<symbol, BrokerAsPromised>)[broker];
  if (half) {
    half.on('error', () => undefined);
    await half.shutdown().catch(() => undefined);
  }
}
