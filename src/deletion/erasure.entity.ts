import { Entity, PrimaryKey } from '@mikro-orm/decorators/legacy';

/** A line of the ledger that this database knows. One that it does not know shows that a backup was restored. */
@Entity({ tableName: 'erasures' })
export class Erasure {
  @PrimaryKey({ type: 'text' })
  digest!: string;
}
