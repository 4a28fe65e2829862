import type { Rel } from '@mikro-orm/core';
import { Entity, Index, ManyToOne, PrimaryKey, Property, Trigger, Unique } from '@mikro-orm/decorators/legacy';
import { Directive, Field, ID, ObjectType } from 'type-graphql';
import { v7 as uuidv7 } from 'uuid';
import { displayEmail, EmailAddress } from './email-address.js';
import { Node } from './node.js';
import { ROLE_IDS, Role, RoleName, roleName } from './role.entity.js';
import { searchKey } from './search-key.js';

/** Name of the constraint that the database reports when the last active admin would go. */
export const LAST_ADMIN = 'users_last_admin';
/** Name of the index that decides who of two with the same address was first. */
export const OPEN_EMAIL = 'users_open_email';

const isActiveAdmin = (row: string) =>
  `${row}.role_id = '${ROLE_IDS.ADMIN}' and ${row}.is_active and ${row}.deleted_at is null`;

/**
 * A getter is a field with a resolver to TypeGraphQL, and those are not disclosed (`enforce.ts`). This one is what the
 * object holds itself.
 */
const OwnField =
  (options: { description: string }): PropertyDecorator =>
  (prototype, name) =>
    Field(() => String, options)(prototype, name);

interface NewUser {
  email: string;
  passwordHash: string;
  name: string;
  role?: RoleName;
}

@Entity({ tableName: 'users' })
// Only accounts that are not closed hold their address: the user of a closed one can register again.
@Unique({ name: OPEN_EMAIL, properties: ['email'], where: 'deleted_at is null' })
// An import knows its users by these.
@Unique({ name: 'users_imported_email', properties: ['importedEmail'] })
@Unique({ name: 'users_external_id', properties: ['externalId'] })
// Each order of the list has its index, with the id that breaks ties.
@Index({ name: 'idx_users_email', properties: ['email', 'id'] })
@Index({ name: 'idx_users_name', properties: ['nameKey', 'id'] })
@Index({ name: 'idx_users_created_at', properties: ['createdAt', 'id'] })
@Index({ name: 'idx_users_updated_at', properties: ['updatedAt', 'id'] })
// For parts of them, by trigrams.
@Index({
  name: 'idx_users_name_part',
  expression: 'create index "idx_users_name_part" on "users" using gin ("name_key" gin_trgm_ops)',
})
@Index({
  name: 'idx_users_email_part',
  expression: 'create index "idx_users_email_part" on "users" using gin ("email" gin_trgm_ops)',
})
@Index({ name: 'idx_users_closed', properties: ['createdAt', 'id'], where: 'deleted_at is not null' })
@Index({ name: 'idx_users_role_id', properties: ['roleId'] })
@Index({ name: 'idx_users_is_active', properties: ['isActive'] })
/**
 * A change that takes an active admin away holds the admin role's row until its commit. Of two admins who delete each
 * other at the same instant, the second one is checked after the first is done.
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
// Every process invalidates what it has cached of this user and of lists, also when an operator changed the row. A new
// row is told, too: when Redis does not answer, the other processes must learn that what it holds is in doubt.
@Trigger<typeof User>({
  name: 'users_changed',
  timing: 'after',
  events: ['insert', 'update', 'delete'],
  body: `perform pg_notify('gatehouse', 'user ' || coalesce(new.id, old.id));
return null;`,
})
@ObjectType({ implements: Node, simpleResolvers: true, description: 'Somebody with an account.' })
@Directive('@auth(requires: SELF_OR_ADMIN)')
export class User {
  @PrimaryKey({ type: 'uuid' })
  @Field(() => ID, { description: 'A UUID; treat it as opaque.' })
  id: string = uuidv7();

  @Property({ type: 'text', collation: 'C' })
  @Field(() => EmailAddress, { description: 'Where the user signs in; in ASCII and lower case.' })
  email: string;

  // Lazy, so that only a login loads it and no cache, log or answer can hold it.
  @Property({ type: 'text', lazy: true, hidden: true })
  passwordHash: string;

  /** Null since the account was made. A renewal of the hash is no change. */
  @Property({ type: 'datetime', length: 3, nullable: true, lazy: true, hidden: true })
  passwordChangedAt: Date | null = null;

  @Property({ type: 'text' })
  @Field(() => String)
  name: string;

  @ManyToOne({
    entity: () => Role,
    fieldName: 'role_id',
    mapToPk: true,
    updateRule: 'cascade',
    default: ROLE_IDS.MEMBER,
  })
  roleId: Rel<string>;

  @Property({ type: 'boolean', default: true })
  @Field(() => Boolean, { description: 'Whether the user can sign in.' })
  isActive: boolean = true;

  @Property({ type: 'boolean', default: false })
  @Field(() => Boolean, {
    description:
      'Whether a link that was sent to the address has been used, here or in the system that the account was imported from.',
  })
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

  // The address as it was imported. It stays when the user moves or closes the account, so that a repeated import knows
  // them.
  @Property({ type: 'text', nullable: true, lazy: true, hidden: true })
  importedEmail: string | null = null;

  // The id in the system that the user was imported from.
  @Property({ type: 'text', nullable: true, lazy: true, hidden: true })
  externalId: string | null = null;

  constructor({ email, passwordHash, name, role = RoleName.MEMBER }: NewUser) {
    this.email = email;
    this.passwordHash = passwordHash;
    this.name = name;
    this.roleId = ROLE_IDS[role];
  }

  /** What the name is found and ordered by. Made of it, so it cannot differ from it. */
  @Property({ type: 'text', collation: 'C', default: '', hydrate: false, hidden: true })
  get nameKey(): string {
    return searchKey(this.name);
  }

  @OwnField({
    description:
      'The address with its domain in its own letters, where these cannot be taken for another domain; for people to read.',
  })
  get displayEmail(): string {
    return displayEmail(this.email);
  }

  get canSignIn(): boolean {
    return this.isActive && this.deletedAt === null;
  }

  get roleName(): RoleName {
    return roleName(this.roleId);
  }

  close(now: Date): void {
    this.isActive = false;
    this.deletedAt = now;
  }
}
