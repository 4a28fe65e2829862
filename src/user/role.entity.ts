import { Entity, Enum, PrimaryKey, Property, Unique } from '@mikro-orm/decorators/legacy';
import { Directive, Field, ID, ObjectType, registerEnumType } from 'type-graphql';

export enum RoleName {
  ADMIN = 'ADMIN',
  MEMBER = 'MEMBER',
}
registerEnumType(RoleName, {
  name: 'RoleName',
  description: 'What a user may do.',
  valuesConfig: {
    ADMIN: { description: 'Reads, lists and deletes every user.' },
    MEMBER: { description: 'Reads and deletes their own account.' },
  },
});

/** Seeded by the first migration under fixed ids, so that a user can be made without a look-up. */
export const ROLE_IDS: Record<RoleName, string> = {
  [RoleName.ADMIN]: '019362a5-7c00-7000-8000-000000000001',
  [RoleName.MEMBER]: '019362a5-7c00-7000-8000-000000000002',
};

/**
 * The name under a role's id, without a look-up: a rule must not wait for one.
 * @throws {TypeError} for an id that is none of them.
 */
export function roleName(roleId: string): RoleName {
  const name = Object.values(RoleName).find((known) => ROLE_IDS[known] === roleId);
  if (!name) throw new TypeError('a user has a role that does not exist');
  return name;
}

@Entity({ tableName: 'roles' })
@ObjectType({ simpleResolvers: true, description: 'What a group of users may do.' })
@Directive('@auth(requires: SIGNED_IN)')
export class Role {
  @PrimaryKey({ type: 'uuid' })
  @Field(() => ID)
  id!: string;

  @Unique({ name: 'roles_name_unique' })
  @Enum({ items: () => RoleName, type: 'text' })
  @Field(() => RoleName)
  name!: RoleName;

  @Property({ type: 'text', nullable: true })
  @Field(() => String, { nullable: true, description: 'The role in a sentence.' })
  description: string | null = null;

  @Property({ type: 'datetime', length: 3 })
  createdAt: Date = new Date();

  @Property({ type: 'datetime', length: 3, onUpdate: () => new Date() })
  updatedAt: Date = new Date();

  @Property({ type: 'datetime', length: 3, nullable: true })
  deletedAt: Date | null = null;
}
