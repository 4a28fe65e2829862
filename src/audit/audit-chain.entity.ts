import { Entity, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';

/** As many rows as the migration made, so as many transactions that record something at the same instant wait for nobody. */
export const CHAINS = 32;

/** Where a chain of audit events ends. Whoever adds a row holds its chain until the commit. */
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
}
