import { Entity, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';

/** As many rows as the migration made. So many transactions can record something at the same instant without a wait. */
export const CHAINS = 32;

/**
 * Where a chain of audit events ends, and from where on it is kept. A transaction that adds a row holds its chain until
 * the commit.
 */
@Entity({ tableName: 'audit_chains' })
export class AuditChain {
  @PrimaryKey({ type: 'smallint', autoincrement: false })
  id!: number;

  /** Of the last row; 0 where there is none. */
  @Property({ type: 'integer', default: 0 })
  position: number = 0;

  /** Of the last row; empty where there is none. */
  @Property({ type: 'text', default: '' })
  digest: string = '';

  /** Of the last row that retention removed; 0 where it has removed none. */
  @Property({ type: 'integer', default: 0 })
  removedPosition: number = 0;

  /** Of the same row. */
  @Property({ type: 'text', default: '' })
  removedDigest: string = '';

  /** Over both, with the key of the digests: only who has it can say that rows were removed rightly. */
  @Property({ type: 'text', default: '' })
  removedMac: string = '';
}
