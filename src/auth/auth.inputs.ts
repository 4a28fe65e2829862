import { Field, InputType } from 'type-graphql';
import { EmailAddress } from '../user/email-address.js';

const NEW_PASSWORD =
  "Characters of any kind: at least as many as the server wants (`PASSWORD_MIN_LENGTH`, 8 unless set), and at most 128 in Unicode's form NFKC. Not one of the most common passwords, nor the user's name or address or what stands before its @.";

@InputType({ description: 'A new account. There is no role: every registration makes a member.' })
export class RegisterInput {
  @Field(() => EmailAddress)
  email!: string;

  @Field(() => String, { description: NEW_PASSWORD })
  password!: string;

  @Field(() => String, { description: '1 to 100 characters, one of them visible; no controls of direction.' })
  name!: string;
}

@InputType({ description: 'Who signs in.' })
export class LoginInput {
  @Field(() => EmailAddress)
  email!: string;

  @Field(() => String)
  password!: string;

  @Field(() => String, {
    nullable: true,
    description:
      'The last `AuthPayload.deviceToken` that this device was given: failed attempts of strangers then keep nobody out here. One that is unknown counts for nothing. Where tokens travel in cookies, only the cookie counts.',
  })
  deviceToken?: string | null;
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

  @Field(() => String, { description: NEW_PASSWORD })
  newPassword!: string;
}

@InputType({ description: 'A new password, set by the token of a mail.' })
export class ResetPasswordInput {
  @Field(() => String, { description: 'As it was in the link of the mail.' })
  token!: string;

  @Field(() => String, { description: NEW_PASSWORD })
  newPassword!: string;
}
