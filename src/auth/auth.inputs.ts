import { Field, InputType } from 'type-graphql';
import { EmailAddress } from '../user/email-address.js';

@InputType({ description: 'A new account. There is no role: every registration makes a member.' })
export class RegisterInput {
  @Field(() => EmailAddress)
  email!: string;

  @Field(() => String, { description: '8 to 128 characters of any kind, and not a common password.' })
  password!: string;

  @Field(() => String, { description: '1 to 100 characters.' })
  name!: string;
}

@InputType({ description: 'Who signs in.' })
export class LoginInput {
  @Field(() => EmailAddress)
  email!: string;

  @Field(() => String)
  password!: string;
}

@InputType({
  description: 'The refresh token of the last answer. Where it travels in a cookie, only the cookie counts.',
})
export class RefreshInput {
  @Field(() => String)
  refreshToken!: string;
}

@InputType({ description: 'Another password for the signed-in user.' })
export class ChangePasswordInput {
  @Field(() => String)
  currentPassword!: string;

  @Field(() => String, { description: '8 to 128 characters of any kind, and not a common password.' })
  newPassword!: string;
}

@InputType({ description: 'Another password for whoever was sent the token.' })
export class ResetPasswordInput {
  @Field(() => String, { description: 'As it was in the link of the mail.' })
  token!: string;

  @Field(() => String, { description: '8 to 128 characters of any kind, and not a common password.' })
  newPassword!: string;
}
