import cluster from 'node:cluster';
import { DriverException } from '@mikro-orm/core';
import { type DestinationStream, type LevelWithSilent, type Logger, pino } from 'pino';
import pretty from 'pino-pretty';

const SECRETS = [
  'password',
  'newPassword',
  'currentPassword',
  'passwordHash',
  'token',
  'accessToken',
  'refreshToken',
  'authorization',
  'cookie',
];

/** JSON lines on standard output; coloured sentences where that is a terminal. */
export function createLog(level: LevelWithSilent, destination: DestinationStream = terminalOrJson()): Logger {
  return pino(
    {
      level,
      base: cluster.worker ? { worker: cluster.worker.id } : null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: describeError },
      redact: { paths: SECRETS.flatMap((name) => [name, `*.${name}`]), censor: '[secret]' },
    },
    destination,
  );
}

const terminalOrJson = () =>
  process.stdout.isTTY ? pretty({ colorize: true, ignore: 'pid,hostname' }) : pino.destination({ fd: 1, sync: true });

/**
 * An error for the log. A database error's own message holds the statement with its values, so only its facts are kept.
 */
function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return { message: 'thrown value was no error', type: typeof error };
  const { code, constraint, table } = error as Error & Record<string, unknown>;
  const frames = error.stack
    ?.split('\n')
    .filter((line) => /^\s+at /.test(line))
    .join('\n');
  const message = error instanceof DriverException ? `database error ${String(code)}` : error.message;
  const cause = error.cause instanceof Error ? describeError(error.cause) : undefined;
  return { type: error.name, message, code, constraint, table, stack: frames, cause };
}
