import { Entity, Index, ManyToOne, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';
import { Mail } from './mail.entity.js';

/** The token of a mail's link. Bound by its mail to a user, a purpose (the kind) and a target (the recipient). */
@Entity({ tableName: 'mail_tokens' })
@Index({ name: 'idx_mail_tokens_mail_id', properties: ['mailId'] })
export class MailToken {
  /** SHA-256 of the token; the token itself is only in the mail. */
  @PrimaryKey({ type: 'text' })
  digest!: string;

  @ManyToOne({ entity: () => Mail, fieldName: 'mail_id', mapToPk: true, deleteRule: 'cascade', updateRule: 'cascade' })
  mailId!: string;

  @Property({ type: 'datetime', length: 3 })
  expiresAt!: Date;

  /** When it was used, or lost its meaning by another's use. */
  @Property({ type: 'datetime', length: 3, nullable: true })
  usedAt: Date | null = null;
}
