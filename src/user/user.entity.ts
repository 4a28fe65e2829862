import type { Rel } from '@mikro-orm/core';
import { Entity, Index, ManyToOne, PrimaryKey, Property, Trigger, Unique } from '@mikro-orm/decorators/legacy';
import { Directive, Field, ID, ObjectType } from 'type-graphql';
import { v7 as uuidv7 } from 'uuid';
import { EmailAddress } from './email-address.js';
import { ROLE_IDS, Role, RoleName } from './role.entity.js';

/** Name of the constraint that the database reports when the last active admin would go. */
export const LAST_ADMIN = 'users_last_admin';
/** Name of the index that decides who of two with the same address was first. */
export const OPEN_EMAIL = 'users_open_email';

const isActiveAdmin = (row: string) =>
  `${row}.role_id = '${ROLE_IDS.ADMIN}' and ${row}.is_active and ${row}.deleted_at is null`;

@Entity({ tableName: 'users' })
// Only open accounts hold their address: whoever has closed theirs can register again.
@Unique({ name: OPEN_EMAIL, properties: ['email'], where: 'deleted_at is null' })
// Each order of the list has its index, with the id that breaks ties.
@Index({ name: 'idx_users_email', properties: ['email', 'id'] })
@Index({ name: 'idx_users_name', properties: ['name', 'id'] })
@Index({ name: 'idx_users_created_at', properties: ['createdAt', 'id'] })
@Index({ name: 'idx_users_updated_at', properties: ['updatedAt', 'id'] })
@Index({ name: 'idx_users_role_id', properties: ['roleId'] })
@Index({ name: 'idx_users_is_active', properties: ['isActive'] })
/**
 * Whoever takes an active admin away holds the admin role's row until commit, so of two admins who delete each other at
 * the same instant the second looks after the first is done.
 */
@Trigger<typeof User>({
  name: LAST_ADMIN,
  timing: 'after',
  events: ['update', 'delete'],
  body: `if ${isActiveAdmin('old')} and (tg_op = 'DELETE' or not (${isActiveAdmin('new')})) then perform 1 from roles where id = '${ROLE_IDS.ADMIN}' for no key update;
if not exists (select 1 from users as other where ${isActiveAdmin('other')}) then raise exception 'the last active admin cannot go' using errcode = 'check_violation', constraint = '${LAST_ADMIN}';
end if;
end if;
return null;`,
})
// So that every process ends what it has cached of this user and of lists, whoever changed the row. A new row too: where Redis
// hears nothing of it, the other processes must learn that what Redis holds is in doubt.
@Trigger<typeof User>({
  name: 'users_changed',
  timing: 'after',
  events: ['insert', 'update', 'delete'],
  body: `perform pg_notify('gatehouse', 'user ' || coalesce(new.id, old.id));
return null;`,
})
@ObjectType({ simpleResolvers: true, description: 'Somebody with an account.' })
@Directive('@auth(requires: SELF_OR_ADMIN)')
export class User {
  @PrimaryKey({ type: 'uuid' })
  @Field(() => ID, { description: 'A UUID; treat it as opaque.' })
  id: string = uuidv7();

  @Property({ type: 'text' })
  @Field(() => EmailAddress, { description: 'Where the user signs in; lower case.' })
  email: string;

  // Lazy, so that only a login loads it and no cache, log or answer can hold it.
  @Property({ type: 'text', lazy: true, hidden: true })
  passwordHash: string;

  @Property({ type: 'text' })
  @Field(() => String)
  name: string;

  @ManyToOne({ entity: () => Role, fieldName: 'role_id', mapToPk: true, updateRule: 'cascade' })
  roleId: Rel<string>;

  @Property({ type: 'boolean', default: true })
  @Field(() => Boolean, { description: 'Whether the user can sign in.' })
  isActive: boolean = true;

  @Property({ type: 'boolean', default: false })
  @Field(() => Boolean, { description: 'Whether a link that was sent to the address has been used.' })
  emailVerified: boolean = false;

  @Property({ type: 'datetime', length: 3 })
  @Field(() => Date)
  createdAt: Date = new Date();

  @Property({ type: 'datetime', length: 3, onUpdate: () => new Date() })
  @Field(() => Date)
  updatedAt: Date = new Date();

  @Property({ type: 'datetime', length: 3, nullable: true })
  @Directive('@auth(requires: ADMIN)')
  @Field(() => Date, { nullable: true, description: 'When the account was closed; null while it is open.' })
  deletedAt: Date | null = null;

  constructor(email: string, passwordHash: string, name: string, role: RoleName = RoleName.MEMBER) {
    this.email = email;
    this.passwordHash = passwordHash;
    this.name = name;
    this.roleId = ROLE_IDS[role];
  }

  get isOpen(): boolean {
    return this.isActive && this.deletedAt === null;
  }

  close(now: Date): void {
    this.isActive = false;
    this.deletedAt = now;
  }
}
