import type { EntityManager } from '@mikro-orm/postgresql';
import type { AuditTrail, Transaction } from '../audit/audit-trail.js';
import { OutboxEvent, userRegistered } from '../events/outbox.entity.js';
import type { ErasedMarks } from '../keys/erased-marks.js';
import { COMMAND } from '../request/actor.js';
import type { Line } from '../text/lines.js';
import { User } from '../user/user.entity.js';
import { digestOf, FirstLines } from './first-lines.js';
import { BadLine, importedUser } from './import-line.js';

/** Lines that are read, and users that are committed, at a time. */
const BATCH = 500;

const MAX_UNKNOWN_NAMES = 20;
const OTHERS = 'others';

/** Any number that no other program locks in the same database. */
const IMPORT_LOCK = 7_145_002;

export interface Tally {
  imported: number;
  alreadyThere: number;
  refused: number;
  /** How many lines had each unknown field. */
  unknown: Map<string, number>;
}

type Outcome = 'imported' | 'alreadyThere' | { refused: string };

/**
 * Makes a user of each line that is not there yet, announced as `user.registered` in the same commit. Each refused line
 * is told to `complain`, in the order of the file and without its values; the others are kept. `strict` refuses lines
 * with unknown fields. May be cut off at any instant and repeated: a user is made and announced once. Blank lines do
 * not count.
 */
export async function importUsers(
  audit: AuditTrail,
  lines: AsyncIterable<Line>,
  complain: (complaint: string) => void,
  marks: ErasedMarks,
  strict = false,
): Promise<Tally> {
  const tally: Tally = { imported: 0, alreadyThere: 0, refused: 0, unknown: new Map() };
  const firstLines = new FirstLines();
  for await (const batch of batchesOf(lines)) {
    const outcomes = new Map<number, Outcome>();
    const users = new Map<number, User>();
    for (const line of batch) {
      const user = userOf(line, firstLines, tally.unknown, strict);
      if (user instanceof User) users.set(line.number, user);
      else outcomes.set(line.number, { refused: user });
    }
    const made = await importBatch(audit, marks, [...users.values()]);
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

/** The user of a line, or why there is none. Of two lines with one address or external id, the first counts. */
function userOf(
  line: Line,
  firstLines: FirstLines,
  unknownFields: Map<string, number>,
  strict: boolean,
): User | string {
  if ('problem' in line) return line.problem;
  try {
    const { user, unknown } = importedUser(line.text, strict);
    for (const name of unknown) count(unknownFields, name);
    const fields = (['email', 'externalId'] as const).filter((field) => user[field] !== null);
    const digests = fields.map((field) => digestOf(`${field} ${user[field]}`));
    for (const [index, digest] of digests.entries()) {
      const first = firstLines.find(digest);
      if (first !== null) return `${fields[index]} is also that of line ${first}`;
    }
    for (const digest of digests) firstLines.add(digest, line.number);
    return user;
  } catch (error) {
    if (error instanceof BadLine) return error.message;
    throw error;
  }
}

/** Bounded in number and length: a file may hold values where names belong. */
function count(names: Map<string, number>, name: string): void {
  const isTold = /^[\w.$-]{1,40}$/.test(name) && (names.has(name) || names.size < MAX_UNKNOWN_NAMES);
  const told = isTold ? name : OTHERS;
  names.set(told, (names.get(told) ?? 0) + 1);
}

/** What becomes of each user, by id. Their addresses and external ids differ. */
async function importBatch(audit: AuditTrail, marks: ErasedMarks, users: User[]): Promise<Map<string, Outcome>> {
  try {
    return await decided(audit, marks, users);
  } catch (error) {
    if (!isRefusal(error)) throw error;
    // One row that the database does not take must not lose the others.
    if (users.length === 1)
      return new Map(users.map(({ id }) => [id, { refused: `is refused by the database (${codeOf(error)})` }]));
    const half = Math.ceil(users.length / 2);
    const some = await importBatch(audit, marks, users.slice(0, half));
    const others = await importBatch(audit, marks, users.slice(half));
    return new Map([...some, ...others]);
  }
}

async function decided(audit: AuditTrail, marks: ErasedMarks, users: User[]): Promise<Map<string, Outcome>> {
  const outcomes = new Map<string, Outcome>();
  let open = users;
  while (open.length > 0) {
    const decisions = await audit.transaction(COMMAND, (transaction) => decideOnce(transaction, marks, open));
    for (const [id, outcome] of decisions) outcomes.set(id, outcome);
    // What remains was registered in the meantime: the next look-up finds it.
    open = open.filter(({ id }) => !outcomes.has(id));
  }
  return outcomes;
}

async function decideOnce(
  { em, record }: Transaction,
  marks: ErasedMarks,
  users: User[],
): Promise<Map<string, Outcome>> {
  // One batch at a time, or two imports would wait for each other in a circle, by address and by external id.
  await em.execute('select pg_advisory_xact_lock(?)', [IMPORT_LOCK]);
  const outcomes = await known(em, marks, users);
  const unknown = users.filter(({ id }) => !outcomes.has(id));
  const made = await insertNew(em, unknown);
  record(...made.map((id) => ({ action: 'user.imported' as const, subjectId: id })));
  for (const id of made) outcomes.set(id, 'imported');
  return outcomes;
}

/**
 * What becomes of those who are there, or were. An external id says who somebody is; without one the address as it was
 * imported does.
 */
async function known(em: EntityManager, marks: ErasedMarks, users: User[]): Promise<Map<string, Outcome>> {
  const there = await usersLike(em, marks, users);
  const externalIds = new Set(there.map(({ externalId }) => externalId));
  const imported = new Map(there.map((user) => [user.importedEmail, user]));
  const emails = new Set(there.map(({ email }) => email));
  const openEmails = new Set(there.filter(({ deletedAt }) => deletedAt === null).map(({ email }) => email));
  const outcomes = new Map<string, Outcome>();
  for (const { id, email, externalId } of users) {
    const before = imported.get(email);
    // Somebody whose account was deleted and purged here: an import must not bring them back.
    if (emails.has(marks.ofEmail(email)) || imported.has(marks.ofEmail(email))) outcomes.set(id, 'alreadyThere');
    else if (externalId !== null && externalIds.has(marks.ofId(externalId))) outcomes.set(id, 'alreadyThere');
    else if (externalId !== null && externalIds.has(externalId)) outcomes.set(id, 'alreadyThere');
    else if (before) outcomes.set(id, await importedBefore(em, before, externalId));
    else if (openEmails.has(email)) outcomes.set(id, { refused: 'email is that of an open account' });
    // Somebody closed this account here, and an import must not undo that.
    else if (emails.has(email)) outcomes.set(id, 'alreadyThere');
  }
  return outcomes;
}

function usersLike(em: EntityManager, marks: ErasedMarks, users: User[]) {
  const emails = withMarks(
    users.map(({ email }) => email),
    marks.ofEmail,
  );
  const externalIds = withMarks(
    users.flatMap(({ externalId }) => externalId ?? []),
    marks.ofId,
  );
  return em.find(
    User,
    { $or: [{ externalId: { $in: externalIds } }, { importedEmail: { $in: emails } }, { email: { $in: emails } }] },
    { fields: ['email', 'externalId', 'importedEmail', 'deletedAt'], disableIdentityMap: true },
  );
}

const withMarks = (texts: string[], markOf: (text: string) => string) => [...texts, ...texts.map(markOf)];

/** An external id that the first import did not know is kept. Two of them under one address are two people. */
async function importedBefore(
  em: EntityManager,
  before: Pick<User, 'id' | 'externalId'>,
  externalId: string | null,
): Promise<Outcome> {
  if (externalId === null) return 'alreadyThere';
  if (before.externalId !== null) return { refused: 'email was imported with another externalId' };
  await em.nativeUpdate(User, { id: before.id }, { externalId });
  return 'alreadyThere';
}

/** Ids of those that were not there. */
async function insertNew(em: EntityManager, users: User[]): Promise<string[]> {
  if (users.length === 0) return [];
  // A query builder takes what an object holds, and no getter.
  const made = users.map((user) => ({ ...user, nameKey: user.nameKey }) as User);
  const rows = await em.createQueryBuilder(User).insert(made).onConflict().ignore().returning('id').execute('all');
  const ids = (rows as { id: string }[]).map(({ id }) => id);
  if (ids.length === 0) return ids;
  await em.insertMany(OutboxEvent, ids.map(userRegistered));
  return ids;
}

/** The SQLSTATE of an error of the database, also of one that MikroORM passes on as it is. */
const codeOf = (error: unknown) => String((error as { code?: unknown }).code);

/**
 * The line does not fit: a value (class 22), or a constraint of its table (class 23). A constraint of events or audit
 * is no fault of the line.
 */
const isRefusal = (error: unknown) =>
  /^22/.test(codeOf(error)) || (/^23/.test(codeOf(error)) && (error as { table?: unknown }).table === 'users');
