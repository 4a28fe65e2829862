import { ArgsType, Field, InputType, Int, registerEnumType } from 'type-graphql';
import { EmailAddress } from './email-address.js';
import { RoleName } from './role.entity.js';

export enum UserOrderField {
  CREATED_AT = 'createdAt',
  UPDATED_AT = 'updatedAt',
  EMAIL = 'email',
  NAME = 'nameKey',
}
registerEnumType(UserOrderField, {
  name: 'UserOrderField',
  description:
    'What users can be ordered by; the id breaks ties. Names are in the order of their letters without case and accents, by code point.',
});

export enum OrderDirection {
  ASC = 'asc',
  DESC = 'desc',
}
registerEnumType(OrderDirection, { name: 'OrderDirection', description: 'Which end comes first.' });

export enum AccountState {
  ACTIVE = 'active',
  DEACTIVATED = 'deactivated',
  CLOSED = 'closed',
}
registerEnumType(AccountState, {
  name: 'AccountState',
  description: 'Whether an account can be used.',
  valuesConfig: {
    ACTIVE: { description: 'Its user can sign in.' },
    DEACTIVATED: { description: 'An admin switched it off, and can switch it on.' },
    CLOSED: { description: 'It was deleted; in a grace period that can be taken back.' },
  },
});

@InputType({ description: 'An order of users.' })
export class UserOrder {
  @Field(() => UserOrderField)
  field!: UserOrderField;

  @Field(() => OrderDirection)
  direction!: OrderDirection;
}

@InputType({ description: 'What is left out stays as it is.' })
export class UpdateProfileInput {
  @Field(() => String, {
    nullable: true,
    description: '1 to 100 characters, one of them visible; no controls of direction.',
  })
  name?: string | null;
}

@InputType({ description: 'Another address for the signed-in user.' })
export class ChangeEmailInput {
  @Field(() => EmailAddress)
  newEmail!: string;

  @Field(() => String, { description: 'The current one.' })
  password!: string;
}

@InputType({ description: 'Conditions on users. All that are given must hold.' })
export class UserFilter {
  @Field(() => String, {
    nullable: true,
    description:
      'Part of the e-mail address or the name; case, accents, Unicode forms and outer blanks do not count. `%` and `_` stand for themselves. A blank text matches everybody.',
  })
  search?: string | null;

  @Field(() => EmailAddress, { nullable: true, description: 'The whole address.' })
  email?: string | null;

  @Field(() => RoleName, { nullable: true })
  role?: RoleName | null;

  @Field(() => Boolean, { nullable: true, description: 'Whether the user can sign in.' })
  isActive?: boolean | null;

  @Field(() => [AccountState], {
    nullable: true,
    description:
      'One of these; of none, no account. A filter that names no state, at no level, leaves closed accounts out.',
  })
  states?: AccountState[] | null;

  @Field(() => Date, { nullable: true, description: 'Registered then or later.' })
  createdFrom?: Date | null;

  @Field(() => Date, { nullable: true, description: 'Registered before then.' })
  createdBefore?: Date | null;

  @Field(() => [UserFilter], { nullable: true, description: 'All of these must hold. At most 50 items.' })
  and?: UserFilter[] | null;

  @Field(() => [UserFilter], {
    nullable: true,
    description: 'One of these must hold; of none, none does. At most 50 items.',
  })
  or?: UserFilter[] | null;

  @Field(() => UserFilter, { nullable: true, description: 'This must not hold.' })
  not?: UserFilter | null;
}

@ArgsType()
export class UsersArgs {
  @Field(() => Int, {
    nullable: true,
    description: 'How many from the start of the range, 1 to 100. 20 where neither this nor `last` is given.',
  })
  first?: number | null;

  @Field(() => String, { nullable: true, description: 'A cursor; the range starts behind it.' })
  after?: string | null;

  @Field(() => Int, { nullable: true, description: 'How many from the end of the range, 1 to 100.' })
  last?: number | null;

  @Field(() => String, { nullable: true, description: 'A cursor; the range ends in front of it.' })
  before?: string | null;

  @Field(() => UserFilter, { nullable: true })
  filter?: UserFilter | null;

  @Field(() => UserOrder, { nullable: true, description: 'Newest first where it is not given.' })
  orderBy?: UserOrder | null;
}
