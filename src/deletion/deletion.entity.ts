import { type Opt, PrimaryKeyProp, type Rel } from '@mikro-orm/core';
import { Entity, Enum, Index, ManyToOne, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';
import { Directive, Field, ID, Int, ObjectType, registerEnumType } from 'type-graphql';

export enum DeletionStatus {
  SCHEDULED = 'scheduled',
  PURGING = 'purging',
  DONE = 'done',
}
registerEnumType(DeletionStatus, {
  name: 'DeletionStatus',
  description: 'Where a deletion stands.',
  valuesConfig: {
    SCHEDULED: { description: 'The account is closed, and the deletion can still be taken back.' },
    PURGING: { description: 'The grace period is over; the steps are under way.' },
    DONE: { description: 'Every step is done, and nothing personal is left.' },
  },
});

export enum ReceiptStatus {
  PENDING = 'pending',
  DONE = 'done',
  FAILED = 'failed',
}
registerEnumType(ReceiptStatus, {
  name: 'ReceiptStatus',
  description: 'How far a step of a deletion is.',
  valuesConfig: {
    PENDING: { description: 'To be done, or to be tried again.' },
    DONE: { description: 'It was done.' },
    FAILED: { description: 'It was tried as often as it may be; `npm run deletions:retry` tries it again.' },
  },
});

interface NewDeletion {
  userId: string;
  requestedBy: string;
  requestedAt: Date;
  purgeAt: Date;
  wasActive: boolean;
}

/** The deletion of an account, from its closing on. It outlives what it deletes, and holds nothing personal. */
@Entity({ tableName: 'deletions' })
@Index({ name: 'idx_deletions_due', properties: ['purgeAt'], where: 'announced_at is null' })
@ObjectType('UserDeletion', {
  simpleResolvers: true,
  description: 'Where the deletion of an account stands: who has been told, and who has finished.',
})
@Directive('@auth(requires: ADMIN)')
export class Deletion {
  // No foreign key: a row is to stay whatever becomes of the user's.
  @PrimaryKey({ type: 'uuid' })
  @Field(() => ID)
  userId: string;

  @Property({ type: 'uuid' })
  requestedBy: string;

  @Property({ type: 'datetime', length: 3 })
  @Field(() => Date, { description: 'When the account was closed.' })
  requestedAt: Date;

  @Property({ type: 'datetime', length: 3 })
  @Field(() => Date, { nullable: true, description: 'When its grace period ends, and the purge begins.' })
  purgeAt: Date;

  /** Whether its user could sign in, to be so again if the deletion is taken back. */
  @Property({ type: 'boolean' })
  wasActive: boolean;

  /** When `user.deleted` was announced; from then on nothing is taken back. */
  @Property({ type: 'datetime', length: 3, nullable: true })
  announcedAt: Date | null = null;

  @Property({ type: 'datetime', length: 3, nullable: true })
  @Field(() => Date, { nullable: true, description: 'When nothing personal was left here.' })
  purgedAt: Date | null = null;

  /** When `user.deletion_overdue` was announced: once. */
  @Property({ type: 'datetime', length: 3, nullable: true })
  overdueAt: Date | null = null;

  constructor({ userId, requestedBy, requestedAt, purgeAt, wasActive }: NewDeletion) {
    this.userId = userId;
    this.requestedBy = requestedBy;
    this.requestedAt = requestedAt;
    this.purgeAt = purgeAt;
    this.wasActive = wasActive;
  }
}

/** That a step of a deletion is done, or is owed. */
@Entity({ tableName: 'deletion_receipts' })
@Index({ name: 'idx_deletion_receipts_due', properties: ['nextAttemptAt'], where: `status = 'pending'` })
@Index({ name: 'idx_deletion_receipts_open', properties: ['userId'], where: `status <> 'done'` })
@ObjectType({ simpleResolvers: true, description: 'How far a step of a deletion is.' })
@Directive('@auth(requires: ADMIN)')
export class DeletionReceipt {
  [PrimaryKeyProp]?: ['userId', 'step'];

  @ManyToOne({
    entity: () => Deletion,
    fieldName: 'user_id',
    primary: true,
    mapToPk: true,
    deleteRule: 'cascade',
    updateRule: 'cascade',
  })
  userId!: Rel<string>;

  @PrimaryKey({ type: 'text' })
  @Field(() => String, { description: 'The name of the step, such as `mail` or `purge`.' })
  step!: string;

  @Enum({ items: () => ReceiptStatus, type: 'text' })
  @Field(() => ReceiptStatus)
  status: ReceiptStatus = ReceiptStatus.PENDING;

  @Property({ type: 'integer', default: 0 })
  @Field(() => Int, { description: 'How often it was tried.' })
  attempts: number = 0;

  @Property({ type: 'text', nullable: true })
  @Field(() => String, { nullable: true, description: 'Why the last attempt failed.' })
  lastError: string | null = null;

  /** Also the end of a lease: a step whose process died is due again from then on. */
  @Property({ type: 'datetime', length: 3, defaultRaw: 'now()' })
  nextAttemptAt!: Opt<Date>;

  @Property({ type: 'datetime', length: 3, nullable: true })
  @Field(() => Date, { nullable: true, description: 'When it was done.' })
  finishedAt: Date | null = null;
}
