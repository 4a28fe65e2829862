import { parse } from 'libpg-query';

interface Relation {
  relname: string;
}

interface Constraint {
  contype: string;
  indexname?: string;
  skip_validation?: boolean;
  raw_expr?: object;
}

interface AlterCommand {
  subtype: string;
  name?: string;
  def?: { ColumnDef?: { colname: string; constraints?: { Constraint: Constraint }[] }; Constraint?: Constraint };
}

/** What is read of a statement as PostgreSQL's own parser has it. */
interface Statement {
  CreateStmt?: { relation: Relation };
  IndexStmt?: { relation: Relation; concurrent?: boolean };
  AlterTableStmt?: { relation: Relation; cmds: { AlterTableCmd: AlterCommand }[] };
  RenameStmt?: { relation?: Relation };
  DropStmt?: {
    removeType: string;
    objects: { List: { items: { String: { sval: string } }[] } }[];
    concurrent?: boolean;
  };
  CreateTrigStmt?: { relation: Relation };
  VariableSetStmt?: { name: string; is_local?: boolean };
  UpdateStmt?: { relation: Relation };
  DeleteStmt?: { relation: Relation };
  TruncateStmt?: { relations: { RangeVar: Relation }[] };
  LockStmt?: { relations: { RangeVar: Relation }[] };
  ReindexStmt?: { relation?: Relation; params?: object[] };
  VacuumStmt?: object;
  ClusterStmt?: object;
}

/** PostgreSQL stores these once for all rows. */
const STABLE = /^(now|transaction_timestamp|statement_timestamp)$/;

/**
 * What would hold up requests while a migration runs on large tables, or break the version before, which runs beside
 * it: locks that last as long as a table is long, and what that version reads or writes and no longer finds.
 * Statements that PostgreSQL ends at once, whatever the size, are left out. Tables that the same migration has made are
 * empty.
 */
export async function blockingDdl(statements: readonly string[]): Promise<string[]> {
  const own = new Set<string>();
  const found: string[] = [];
  let isBounded = false;
  for (const sql of statements) {
    const { stmts = [] } = (await parse(sql)) as { stmts?: { stmt: Statement }[] };
    for (const { stmt } of stmts) {
      if (stmt.VariableSetStmt?.name === 'lock_timeout' && stmt.VariableSetStmt.is_local) isBounded = true;
      if (stmt.CreateStmt) own.add(stmt.CreateStmt.relation.relname);
      const complain = (table: string | undefined, what: string) => {
        if (table === undefined || !own.has(table)) found.push(`${table ?? 'the database'}: ${what}`);
      };
      if (stmt.IndexStmt && !stmt.IndexStmt.concurrent)
        complain(stmt.IndexStmt.relation.relname, 'makes an index, not concurrently');
      for (const { AlterTableCmd: command } of stmt.AlterTableStmt?.cmds ?? [])
        for (const what of alterations(command)) complain(stmt.AlterTableStmt?.relation.relname, what);
      for (const table of lockedBriefly(stmt))
        if (!isBounded) complain(table, 'is locked, and without SHORT_LOCKS others wait behind it');
      if (stmt.RenameStmt) complain(stmt.RenameStmt.relation?.relname, 'renames what the version before uses');
      if (stmt.DropStmt?.removeType === 'OBJECT_TABLE')
        for (const { List } of stmt.DropStmt.objects) complain(List.items.at(-1)?.String.sval, 'is dropped');
      if (stmt.UpdateStmt) complain(stmt.UpdateStmt.relation.relname, 'changes rows in one transaction');
      if (stmt.DeleteStmt) complain(stmt.DeleteStmt.relation.relname, 'deletes rows in one transaction');
      for (const { RangeVar } of [...(stmt.TruncateStmt?.relations ?? []), ...(stmt.LockStmt?.relations ?? [])])
        complain(RangeVar.relname, 'is locked as a whole');
      if (stmt.ReindexStmt && !JSON.stringify(stmt.ReindexStmt.params ?? []).includes('"concurrently"'))
        complain(stmt.ReindexStmt.relation?.relname, 'makes an index anew, not concurrently');
      if (stmt.VacuumStmt || stmt.ClusterStmt) complain(undefined, 'is written anew');
    }
  }
  return found;
}

/** Tables whose lock is short once it is had; a trigger or an index is dropped by its own name. */
function lockedBriefly({ AlterTableStmt, CreateTrigStmt, DropStmt }: Statement): string[] {
  const tables = [AlterTableStmt, CreateTrigStmt].flatMap((stmt) => stmt?.relation.relname ?? []);
  if (!DropStmt || DropStmt.concurrent || !['OBJECT_TRIGGER', 'OBJECT_INDEX'].includes(DropStmt.removeType))
    return tables;
  return [...tables, ...DropStmt.objects.map(({ List }) => String(List.items[0]?.String.sval))];
}

function alterations({ subtype, name, def }: AlterCommand): string[] {
  const { ColumnDef: column, Constraint: constraint } = def ?? {};
  const label = name ?? column?.colname;
  if (subtype === 'AT_AddColumn') {
    const constraints = (column?.constraints ?? []).map(({ Constraint: given }) => given);
    const byDefault = constraints.find(({ contype }) => contype === 'CONSTR_DEFAULT');
    const complaints = constraints.flatMap(holdsUp).map((what) => `${label} ${what}`);
    if (byDefault && isVolatile(byDefault.raw_expr)) complaints.push(`${label} has a default that differs by row`);
    if (!byDefault && constraints.some(({ contype }) => contype === 'CONSTR_NOTNULL'))
      complaints.push(`${label} is not null and has no default`);
    return complaints;
  }
  if (subtype === 'AT_AddConstraint' && constraint) return holdsUp(constraint).map((what) => `a constraint ${what}`);
  if (subtype === 'AT_AlterColumnType') return [`${label} gets another type`];
  if (subtype === 'AT_SetNotNull') return [`${label} is looked at in each row`];
  if (subtype === 'AT_DropColumn') return [`${label} is dropped, which the version before uses`];
  return [];
}

function holdsUp({ contype, skip_validation: isNotValid, indexname }: Constraint): string[] {
  if (['CONSTR_UNIQUE', 'CONSTR_PRIMARY', 'CONSTR_EXCLUSION'].includes(contype))
    return indexname ? [] : ['makes an index, not concurrently'];
  if (['CONSTR_CHECK', 'CONSTR_FOREIGN'].includes(contype)) return isNotValid ? [] : ['is looked at in each row'];
  return [];
}

const isVolatile = (expression: object | undefined): boolean =>
  [
    ...JSON.stringify(expression ?? {}).matchAll(
      /"funcname":\[(?:\{"String":\{"sval":"pg_catalog"\}\},)?\{"String":\{"sval":"(\w+)"/g,
    ),
  ].some(([, name = '']) => !STABLE.test(name));
