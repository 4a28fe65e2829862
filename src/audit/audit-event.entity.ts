import { Entity, Enum, Index, PrimaryKey, Property, Trigger, Unique } from '@mikro-orm/decorators/legacy';
import { GraphQLJSONObject } from 'graphql-scalars';
import { Directive, Field, ID, ObjectType, registerEnumType } from 'type-graphql';
import { v7 as uuidv7 } from 'uuid';
import { AUDIT_ACTIONS, type AuditAction } from './audit-actions.js';

export enum AuditResult {
  SUCCEEDED = 'succeeded',
  FAILED = 'failed',
  DENIED = 'denied',
}
registerEnumType(AuditResult, {
  name: 'AuditResult',
  description: 'How it ended.',
  valuesConfig: {
    SUCCEEDED: { description: 'It was done.' },
    FAILED: { description: 'It was tried with the wrong credentials.' },
    DENIED: { description: 'It was tried without the right to.' },
  },
});

/** Names, numbers and ids; never a password, a token or a hash, and nothing personal. */
export type AuditDetails = Record<string, string | number | boolean | null>;

/**
 * What happened, written in the commit of what it tells. A row carries the digest of the one before it in its chain,
 * and its own, a MAC with a key that is not in the database: somebody who can write to the tables cannot make a row
 * that fits (`audit-digests.ts`).
 */
@Entity({ tableName: 'audit_events' })
@Unique({ name: 'audit_events_position', properties: ['chain', 'position'] })
@Index({ name: 'idx_audit_events_subject_id', properties: ['subjectId', 'id'] })
@Index({ name: 'idx_audit_events_actor_id', properties: ['actorId', 'id'] })
@Index({ name: 'idx_audit_events_action', properties: ['action', 'id'] })
// Against mistakes; who means it must drop the trigger first, and is found by the digests. Retention removes rows that
// their chain says are removed; a purge removes what is personal in a row (`redact.ts`).
@Trigger<typeof AuditEvent>({
  name: 'append_only',
  timing: 'before',
  events: ['update', 'delete'],
  forEach: 'row',
  body: `if tg_op = 'DELETE' and current_setting('gatehouse.audit_retention', true) = 'on' and exists (select from audit_chains where id = old.chain and removed_position >= old.position) then return old;
end if;
if tg_op = 'UPDATE' and current_setting('gatehouse.audit_redaction', true) = 'on' and (new.ip_address is null or new.ip_address = old.ip_address) and to_jsonb(new) - '{ip_address,details,redaction_mac}'::text[] = to_jsonb(old) - '{ip_address,details,redaction_mac}'::text[] then return new;
end if;
raise exception 'audit events are only ever added' using errcode = 'insufficient_privilege';`,
})
@ObjectType({ simpleResolvers: true, description: 'Something that happened.' })
@Directive('@auth(requires: ADMIN)')
export class AuditEvent {
  /** Ordered by time, which lists go by. */
  @PrimaryKey({ type: 'uuid' })
  @Field(() => ID)
  id: string = uuidv7();

  @Property({ type: 'smallint' })
  chain!: number;

  /** From 1, without gaps. */
  @Property({ type: 'integer' })
  position!: number;

  @Property({ type: 'text' })
  previousDigest!: string;

  @Property({ type: 'text' })
  digest!: string;

  @Property({ type: 'text' })
  @Field(() => String, {
    description: ['One of:', ...Object.entries(AUDIT_ACTIONS).map(([name, what]) => `- \`${name}\`: ${what}`)].join(
      '\n',
    ),
  })
  action!: AuditAction;

  @Enum({ items: () => AuditResult, type: 'text' })
  @Field(() => AuditResult)
  result!: AuditResult;

  @Property({ type: 'uuid', nullable: true })
  @Field(() => ID, { nullable: true, description: 'Who did it; null for someone not signed in.' })
  actorId!: string | null;

  @Property({ type: 'uuid', nullable: true })
  @Field(() => ID, { nullable: true, description: 'The user to whom it was done; null if that is not known.' })
  subjectId!: string | null;

  @Property({ type: 'uuid', nullable: true })
  @Field(() => ID, { nullable: true, description: 'The session it was done from, or that it opened.' })
  sessionId!: string | null;

  @Property({ type: 'text', nullable: true })
  @Field(() => String, { nullable: true, description: 'Where the request came from; null for commands.' })
  ipAddress!: string | null;

  @Property({ type: 'datetime', length: 3 })
  @Field(() => Date)
  at!: Date;

  @Property({ type: 'json', nullable: true })
  @Field(() => GraphQLJSONObject, { nullable: true, description: 'What is worth knowing beside; never a secret.' })
  details!: AuditDetails | null;

  /**
   * Over what is left of the row and its digest, with the key of the digests: only who has it can say that what is
   * missing was removed rightly. Null where nothing was.
   */
  @Property({ type: 'text', nullable: true })
  redactionMac: string | null = null;
}
