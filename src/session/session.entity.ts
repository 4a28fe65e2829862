import { Entity, Index, ManyToOne, PrimaryKey, Property, Trigger } from '@mikro-orm/decorators/legacy';
import { Directive, Field, ID, ObjectType } from 'type-graphql';
import { v7 as uuidv7 } from 'uuid';
import type { Client } from '../request/actor.js';
import { User } from '../user/user.entity.js';

/**
 * One sign-in of one device: a family of refresh tokens of which the last one counts, and the access tokens that came
 * with them.
 */
@Entity({ tableName: 'sessions' })
@Index({ name: 'idx_sessions_of_user', properties: ['userId'] })
@Index({ name: 'idx_sessions_user_id', properties: ['userId', 'id'], where: 'ended_at is null' })
// So that every process ends what it has cached of a session that is over.
@Trigger<typeof Session>({
  name: 'sessions_changed',
  timing: 'after',
  events: ['update', 'delete'],
  body: `if tg_op = 'DELETE' or new.ended_at is distinct from old.ended_at then perform pg_notify('gatehouse', 'session ' || old.id);
end if;
return null;`,
})
@ObjectType({ simpleResolvers: true, description: 'A sign-in of one device.' })
@Directive('@auth(requires: SELF_OR_ADMIN)')
export class Session {
  @PrimaryKey({ type: 'uuid' })
  @Field(() => ID)
  id: string = uuidv7();

  @ManyToOne({ entity: () => User, fieldName: 'user_id', mapToPk: true, deleteRule: 'cascade', updateRule: 'cascade' })
  userId: string;

  /** SHA-256 of the refresh token that counts; a token itself is nowhere. */
  @Property({ type: 'text', lazy: true, hidden: true })
  tokenDigest!: string;

  /** The place of the refresh token that counts in its family. */
  @Property({ type: 'integer', default: 0 })
  rotation: number = 0;

  /**
   * The place of the last one that was traded while it counted, which shows that its client had it; null where none
   * was.
   */
  @Property({ type: 'integer', nullable: true })
  usedRotation: number | null = null;

  /** When that one was traded. */
  @Property({ type: 'datetime', length: 3, nullable: true })
  usedAt: Date | null = null;

  @Property({ type: 'datetime', length: 3 })
  @Field(() => Date)
  createdAt: Date;

  @Property({ type: 'text', nullable: true })
  @Field(() => String, { nullable: true, description: 'What the device said of itself when it was opened.' })
  openedUserAgent: string | null;

  @Property({ type: 'text', nullable: true })
  @Field(() => String, { nullable: true, description: 'Where it was opened.' })
  openedIpAddress: string | null;

  @Property({ type: 'datetime', length: 3 })
  @Field(() => Date, {
    description: 'When it was last given tokens: opened, refreshed, or kept through a change of password.',
  })
  lastUsedAt: Date;

  @Property({ type: 'datetime', length: 3 })
  @Field(() => Date, {
    description: 'From then on it cannot be refreshed; each refresh moves this on, up to the end of its longest life.',
  })
  expiresAt: Date;

  @Property({ type: 'datetime', length: 3, nullable: true })
  endedAt: Date | null = null;

  @Property({ type: 'text', nullable: true })
  @Field(() => String, { nullable: true, description: 'What the device said of itself at `lastUsedAt`.' })
  userAgent: string | null;

  @Property({ type: 'text', nullable: true })
  @Field(() => String, { nullable: true, description: 'Where it was used at `lastUsedAt`.' })
  ipAddress: string | null;

  constructor({ userId, now, expiresAt, client }: { userId: string; now: Date; expiresAt: Date; client: Client }) {
    this.userId = userId;
    this.createdAt = now;
    this.openedUserAgent = client.userAgent;
    this.openedIpAddress = client.ipAddress;
    this.expiresAt = expiresAt;
    this.lastUsedAt = now;
    this.userAgent = client.userAgent;
    this.ipAddress = client.ipAddress;
  }
}
