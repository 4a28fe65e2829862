import autocannon from 'autocannon';
import { quantile } from './statistics.js';
import type { Sent, Target, Workload, WorkloadName } from './workloads.js';

/** One round of one workload on one server. Times are in milliseconds. */
export interface Measured {
  /** Requests a second that were answered as they should. */
  rate: number;
  p50: number;
  p99: number;
  /** Refused, failed, or answered with something else. */
  failed: number;
}

/** All rounds: the medians, and the least and most of the rates. */
export interface Result extends Measured {
  target: string;
  workload: WorkloadName;
  least: number;
  most: number;
}

export interface Length {
  seconds: number;
  rounds: number;
  connections: number;
}

const WARM_UP_SECONDS = 1;

/** Measures the servers that have the workload in turns, so that what happens to the machine happens to all. */
export async function measureInTurns(
  targets: readonly Target[],
  workload: WorkloadName,
  { seconds, rounds, connections }: Length,
): Promise<Result[]> {
  const able = targets.flatMap(({ name, url, workloads, signIn }) => {
    const work = workloads[workload];
    return work ? [{ name, url, work, signIn, seen: [] as Measured[], turns: { sent: 0 } }] : [];
  });
  const measureOne = async ({ url, work, signIn, turns }: (typeof able)[number], duration: number) => {
    await signIn?.();
    return measure(url, work, turns, duration, connections);
  };
  for (const one of able) await measureOne(one, Math.min(seconds, WARM_UP_SECONDS));
  for (let round = 0; round < rounds; round += 1) {
    // The first of a round is measured slower.
    for (const one of round % 2 === 0 ? able : able.toReversed()) one.seen.push(await measureOne(one, seconds));
  }
  return able.map(({ name, seen }) => {
    const median = (read: (one: Measured) => number) => quantile(seen.map(read), 0.5);
    const rates = seen.map(({ rate }) => rate);
    return {
      target: name,
      workload,
      rate: median(({ rate }) => rate),
      p50: median(({ p50 }) => p50),
      p99: median(({ p99 }) => p99),
      failed: seen.reduce((sum, { failed }) => sum + failed, 0),
      least: Math.min(...rates),
      most: Math.max(...rates),
    };
  });
}

/** One round. `turns` goes on from round to round, so that no request comes twice. */
export async function measure(
  url: string,
  { next, holds }: Workload,
  turns: { sent: number },
  duration: number,
  connections: number,
): Promise<Measured> {
  const isRight = (body: string) => body.includes(holds) && !body.startsWith('{"errors"');
  const result = await autocannon({
    url,
    duration,
    connections,
    requests: [
      {
        setupRequest(request, context: { sent?: Sent }) {
          context.sent = next(turns.sent++);
          const { onAnswer: _, ...sent } = context.sent;
          return { ...request, ...sent };
        },
        onResponse(_status, body, context: { sent?: Sent }) {
          if (isRight(body)) context.sent?.onAnswer?.(body);
        },
      },
    ],
    verifyBody: (body) => isRight(String(body)),
  });
  const { p50, p99 } = result.latency;
  const failed = result.mismatches + result.errors;
  return { rate: (result.requests.total - result.mismatches) / result.duration, p50, p99, failed };
}
