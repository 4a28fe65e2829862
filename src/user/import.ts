import { createHash } from 'node:crypto';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { AuditTrail } from '../audit/audit-trail.js';
import { OutboxEvent, userRegistered } from '../events/outbox.entity.js';
import type { Line } from '../lines.js';
import { BadLine, importedUser } from './import-line.js';
import { User } from './user.entity.js';

/** Lines that are read, and users that are committed, at a time. */
const BATCH = 500;

export interface Tally {
  imported: number;
  alreadyThere: number;
  refused: number;
}

type Outcome = 'imported' | 'alreadyThere' | { refused: string };

/**
 * Makes a user of each line, announced as `user.registered` in the same commit. Each refused line is told to `complain`, in the order of the
 * file and without its values; the others are kept. May be cut off at any instant and repeated: a user is made and announced once. Blank lines do not count.
 */
export async function importUsers(
  em: EntityManager,
  audit: AuditTrail,
  lines: AsyncIterable<Line>,
  complain: (complaint: string) => void,
): Promise<Tally> {
  const tally: Tally = { imported: 0, alreadyThere: 0, refused: 0 };
  const firstLines = new Map<string, number>();
  for await (const batch of batchesOf(lines)) {
    const outcomes = new Map<number, Outcome>();
    const users = new Map<number, User>();
    for (const line of batch) {
      const user = userOf(line, firstLines);
      if (user instanceof User) users.set(line.number, user);
      else outcomes.set(line.number, { refused: user });
    }
    const made = await importBatch(em, audit, [...users.values()]);
    for (const [number, { id }] of users) outcomes.set(number, made.get(id) as Outcome);
    for (const { number } of batch) {
      const outcome = outcomes.get(number) as Outcome;
      if (typeof outcome === 'string') tally[outcome]++;
      else {
        tally.refused++;
        complain(`line ${number}: ${outcome.refused}`);
      }
    }
  }
  return tally;
}

async function* batchesOf(lines: AsyncIterable<Line>): AsyncGenerator<Line[]> {
  let batch: Line[] = [];
  for await (const line of lines) {
    if ('text' in line && line.text.trim() === '') continue;
    batch.push(line);
    if (batch.length < BATCH) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

/** The user of a line, or why there is none. `firstLines` remembers each address by a digest of 32 bytes, so that of two lines the first counts. */
function userOf(line: Line, firstLines: Map<string, number>): User | string {
  if ('problem' in line) return line.problem;
  try {
    const user = importedUser(line.text);
    const digest = createHash('sha256').update(user.email).digest('binary');
    const first = firstLines.get(digest);
    if (first !== undefined) return `email is also that of line ${first}`;
    firstLines.set(digest, line.number);
    return user;
  } catch (error) {
    if (error instanceof BadLine) return error.message;
    throw error;
  }
}

/** What becomes of each user, by id. Their addresses differ. */
async function importBatch(em: EntityManager, audit: AuditTrail, users: User[]): Promise<Map<string, Outcome>> {
  try {
    return await decided(em, audit, users);
  } catch (error) {
    if (!isRefusal(error)) throw error;
    // One row that the database does not take must not lose the others.
    if (users.length === 1)
      return new Map(users.map(({ id }) => [id, { refused: `is refused by the database (${codeOf(error)})` }]));
    const half = Math.ceil(users.length / 2);
    const some = await importBatch(em, audit, users.slice(0, half));
    const others = await importBatch(em, audit, users.slice(half));
    return new Map([...some, ...others]);
  }
}

async function decided(em: EntityManager, audit: AuditTrail, users: User[]): Promise<Map<string, Outcome>> {
  const outcomes = new Map<string, Outcome>();
  // In one order everywhere, or two imports of the same addresses would wait for each other.
  let open = users.toSorted((a, b) => (a.email < b.email ? -1 : 1));
  while (open.length > 0) {
    for (const id of await insertNew(em, audit, open)) outcomes.set(id, 'imported');
    open = open.filter(({ id }) => !outcomes.has(id));
    const [ids, emails] = [open.map(({ id }) => id), open.map(({ email }) => email)];
    const there = await em
      .fork()
      .find(User, { $or: [{ id: { $in: ids } }, { email: { $in: emails }, deletedAt: null }] }, { fields: ['email'] });
    const [knownIds, takenEmails] = [new Set(there.map(({ id }) => id)), new Set(there.map(({ email }) => email))];
    for (const { id, email } of open) {
      if (knownIds.has(id)) outcomes.set(id, 'alreadyThere');
      else if (takenEmails.has(email)) outcomes.set(id, { refused: 'email is that of an open account' });
    }
    // Left is whoever's rival has closed their account in the meantime.
    open = open.filter(({ id }) => !outcomes.has(id));
  }
  return outcomes;
}

/** Ids of those that were not there. */
const insertNew = (em: EntityManager, audit: AuditTrail, users: User[]): Promise<string[]> =>
  em.fork().transactional(async (em) => {
    const rows = await em.createQueryBuilder(User).insert(users).onConflict().ignore().returning('id').execute('all');
    const ids = (rows as { id: string }[]).map(({ id }) => id);
    if (ids.length === 0) return ids;
    await em.insertMany(OutboxEvent, ids.map(userRegistered));
    await audit.record(em, ...ids.map((id) => ({ action: 'user.imported' as const, subjectId: id })));
    return ids;
  });

/** The SQLSTATE of an error of the database, also of one that MikroORM passes on as it is. */
const codeOf = (error: unknown) => String((error as { code?: unknown }).code);

/** Classes 22 and 23: the data does not fit, or breaks a constraint. */
const isRefusal = (error: unknown) => /^2[23]\w{3}$/.test(codeOf(error));
