import { type ChannelModel, connect, type GetMessage } from 'amqplib';
import { ConfirmedChannel } from './confirmed-channel.js';
import type { CloudEvent } from './events.js';
import { parseCloudEvent } from './parse.js';
import { DEAD_LETTERS } from './topology.js';

const CONNECT_MS = 5_000;

/** Which dead letters; where nothing is given, all events and all acknowledgements. */
export interface ReplaySelection {
  type?: string;
  since?: Date;
  until?: Date;
}

/** How many went back to their queue, and how many stay. */
export interface ReplayCounts {
  replayed: number;
  kept: number;
}

/**
 * Brings dead letters back to the queue that they came from. Each is confirmed where it goes before it is taken from
 * where it lies, so none is lost, and one may come twice. Those that stay are laid down anew: to give them back would
 * count as a delivery, of which a queue allows a number.
 */
export async function replayDeadLetters(urls: readonly string[], selection: ReplaySelection): Promise<ReplayCounts> {
  const connection = await connectToAny(urls);
  // What goes on then rejects, too; unheard, either ends the process.
  connection.on('error', () => undefined);
  try {
    const channel = await connection.createConfirmChannel();
    channel.on('error', () => undefined);
    const confirmed = new ConfirmedChannel(channel);
    const counts = { replayed: 0, kept: 0 };
    for (const [queue, deadQueue] of Object.entries(DEAD_LETTERS)) {
      const { messageCount } = await channel.checkQueue(deadQueue);
      for (let seen = 0; seen < messageCount; seen += 1) {
        const message = await channel.get(deadQueue);
        if (!message) break;
        const isWanted =
          queue === 'identity.acknowledgements' ? isEverything(selection) : matches(eventIn(message), selection);
        await send(confirmed, isWanted ? queue : deadQueue, message);
        channel.ack(message);
        counts[isWanted ? 'replayed' : 'kept'] += 1;
      }
    }
    await channel.close();
    return counts;
  } finally {
    await connection.close();
  }
}

/** An acknowledgement has neither a type nor a time. */
const isEverything = (selection: ReplaySelection) => Object.values(selection).every((value) => value === undefined);

/** @throws what the last one says. */
async function connectToAny(urls: readonly string[]): Promise<ChannelModel> {
  let failure: unknown;
  for (const url of urls) {
    try {
      return await connect(url, { timeout: CONNECT_MS });
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

function eventIn({ content }: GetMessage): CloudEvent | null {
  try {
    return parseCloudEvent(JSON.parse(content.toString()));
  } catch {
    return null;
  }
}

function matches(event: CloudEvent | null, { type, since, until }: ReplaySelection): boolean {
  if (!event || (type !== undefined && event.type !== type)) return false;
  const time = Date.parse(event.time);
  return (since === undefined || time >= since.getTime()) && (until === undefined || time < until.getTime());
}

function send(channel: ConfirmedChannel, queue: string, { content, properties }: GetMessage): Promise<void> {
  const { messageId, type, contentType } = properties;
  return channel.publish('', queue, content, { messageId, type, contentType });
}
