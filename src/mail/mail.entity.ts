import { Entity, Enum, Index, ManyToOne, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';
import { v7 as uuidv7 } from 'uuid';
import { Language } from '../request/language.js';
import { User } from '../user/user.entity.js';

/** What a mail is about; each has its templates. */
export enum MailKind {
  VERIFY_EMAIL = 'verify_email',
  RESET_PASSWORD = 'reset_password',
  /** To the new address, with the link that makes it the user's. */
  CHANGE_EMAIL = 'change_email',
  /** A notice to the old address. */
  EMAIL_CHANGED = 'email_changed',
  PASSWORD_CHANGED = 'password_changed',
  /** A receipt to the address that the account had. */
  ACCOUNT_CLOSED = 'account_closed',
}

/**
 * Kinds with a link, for the user as they are when it is sent. All others are notices, for the address of the moment
 * that they are about.
 */
export type LinkKind = MailKind.VERIFY_EMAIL | MailKind.RESET_PASSWORD | MailKind.CHANGE_EMAIL;

/** What a mail is ordered with. */
export interface NewMail {
  userId: string | null;
  kind: MailKind;
  recipient: string;
  language: Language;
}

/**
 * A mail that was ordered in the commit of what it is about. The event that announces it holds its id alone, for others
 * hear it; the consumer makes the link's token when it sends, so no token is ever stored.
 */
@Entity({ tableName: 'mails' })
@Index({ name: 'idx_mails_without_user', properties: ['recipient'], where: 'user_id is null' })
@Index({ name: 'idx_mails_user_id', properties: ['userId', 'kind'] })
export class Mail {
  @PrimaryKey({ type: 'uuid' })
  id: string = uuidv7();

  /**
   * Null for an address without an account. Such a mail is ordered too, so that nothing tells it from others, and is
   * never sent. Null also for a mail whose link lost its meaning before it was sent; its recipient is empty then.
   */
  @ManyToOne({
    entity: () => User,
    fieldName: 'user_id',
    mapToPk: true,
    nullable: true,
    deleteRule: 'cascade',
    updateRule: 'cascade',
  })
  userId: string | null;

  @Enum({ items: () => MailKind, type: 'text' })
  kind: MailKind;

  @Property({ type: 'text' })
  recipient: string;

  @Enum({ items: () => Language, type: 'text' })
  language: Language;

  @Property({ type: 'datetime', length: 3 })
  orderedAt: Date = new Date();

  @Property({ type: 'datetime', length: 3, nullable: true })
  sentAt: Date | null = null;

  /** When the mail server refused the mail for good; it is not tried again. */
  @Property({ type: 'datetime', length: 3, nullable: true })
  refusedAt: Date | null = null;

  constructor({ userId, kind, recipient, language }: NewMail) {
    this.userId = userId;
    this.kind = kind;
    this.recipient = recipient;
    this.language = language;
  }
}
