import { Entity, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';

/** An event whose effect has happened. Written in the effect's transaction, so a repetition has none. */
@Entity({ tableName: 'inbox' })
export class InboxEvent {
  @PrimaryKey({ type: 'uuid' })
  id!: string;

  @Property({ type: 'text' })
  type!: string;

  @Property({ type: 'datetime', length: 3, defaultRaw: 'now()' })
  handledAt: Date = new Date();
}
