import { MailKind } from './mail.entity.js';
import type { Facts, Words } from './words.js';

const VALID = 'The link is valid for 1 hour from when this mail was sent.';
const VALID_ONCE = 'The link is valid for 1 hour from when this mail was sent, and works once.';

const greeting = (name: string | null) => (name ? `Hello ${name},` : 'Hello,');
const orOpen = 'If the button does not work, open this address in your browser:';

export const english: Record<MailKind, (facts: Facts) => Words> = {
  [MailKind.VERIFY_EMAIL]: ({ name, service }) => ({
    subject: `Please confirm your e-mail address for ${service}`,
    greeting: greeting(name),
    before: [`Welcome to ${service}. Please confirm that this e-mail address is yours.`, VALID],
    button: 'Confirm e-mail address',
    orOpen,
    after: [`If you did not sign up for ${service}, you can ignore this mail: the address stays unconfirmed.`],
  }),

  [MailKind.RESET_PASSWORD]: ({ name, service }) => ({
    subject: `Choose a new password for ${service}`,
    greeting: greeting(name),
    before: [`Somebody, we hope you, asked to reset your password at ${service}.`, VALID_ONCE],
    button: 'Choose a new password',
    orOpen,
    after: ['If it was not you, you can ignore this mail: your password stays as it is.'],
  }),

  [MailKind.CHANGE_EMAIL]: ({ name, service }) => ({
    subject: `Please confirm your new e-mail address for ${service}`,
    greeting: greeting(name),
    before: [`You asked to use this e-mail address for your account at ${service}. Please confirm the change.`, VALID],
    button: 'Change e-mail address',
    orOpen,
    after: ['If it was not you, you can ignore this mail: nothing changes.'],
  }),

  [MailKind.EMAIL_CHANGED]: ({ name, service }) => ({
    subject: `Your e-mail address for ${service} was changed`,
    greeting: greeting(name),
    before: [
      `The e-mail address of your account at ${service} was changed. From now on you sign in with the new one, and this address gets no more mail from us.`,
    ],
    button: null,
    orOpen,
    after: [
      `If it was not you, somebody else may be using your account. Please tell the people who run ${service} at once.`,
    ],
  }),

  [MailKind.PASSWORD_CHANGED]: ({ name, service }) => ({
    subject: `Your password for ${service} was changed`,
    greeting: greeting(name),
    before: [`The password of your account at ${service} was changed. Other devices need to sign in again.`],
    button: null,
    orOpen,
    after: [
      `If it was not you, somebody else may be using your account. Please reset your password at once, and tell the people who run ${service}.`,
    ],
  }),

  [MailKind.ACCOUNT_CLOSED]: ({ name, service }) => ({
    subject: `Your account at ${service} was closed`,
    greeting: greeting(name),
    before: [
      `Your account at ${service} was closed. Nobody can sign in with it any more, and all devices are signed out.`,
    ],
    button: null,
    orOpen,
    after: [`If you did not ask for this, please tell the people who run ${service} at once.`],
  }),
};
