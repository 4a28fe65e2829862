import { defaultFieldResolver, type GraphQLSchema } from 'graphql';
import { validate as isUuid } from 'uuid';
import { AuditResult } from '../audit/audit-event.entity.js';
import type { Context, Viewer } from '../context.js';
import { forbidden, GENERAL_CODES, IdentityError, unauthenticated } from '../errors.js';
import { RoleName } from '../user/role.entity.js';
import type { Access } from './directives.js';
import { type FieldRule, isRoot, rulesOf, SUBJECTS } from './rules.js';

/**
 * Makes the rules law: wraps every resolver outermost, so that a denied field runs none of its code, and writes rule and codes
 * into its description. @throws {RuleError} as `rulesOf`.
 */
export function enforceRules(schema: GraphQLSchema): GraphQLSchema {
  for (const rule of rulesOf(schema)) {
    const { field } = rule;
    field.description = [field.description, inWords(rule)].filter(Boolean).join('\n\n');
    guard(rule, isRoot(schema, rule.type));
  }
  return schema;
}

const inWords = ({ access, codes }: FieldRule) =>
  `Access: ${access}.${codes.length > 0 ? ` Errors: ${codes.join(', ')}.` : ''}`;

function guard({ type, field, access, codes, name }: FieldRule, root: boolean): void {
  const subjectProperty = SUBJECTS[type.name] ?? '';
  const resolve = field.resolve;
  if (access === 'PUBLIC' && !resolve) return;
  field.resolve = (parent, args, context, info) => {
    const subject = root ? args.id : (parent as Record<string, unknown>)[subjectProperty];
    // Only what the object holds itself: whatever has a resolver leads to somewhere else.
    const isDisclosed =
      !root && !resolve && access === 'SELF_OR_ADMIN' && (context as Context).disclosed.has(parent as object);
    const isOpen = access === 'PUBLIC' || isDisclosed;
    const refusal = isOpen ? null : refusalOf((context as Context).viewer, access, subject);
    if (refusal) return refuse(refusal, context as Context, root ? { operation: name, subject } : null);
    // Without a resolver of its own there is nothing that could throw.
    if (!resolve) return defaultFieldResolver(parent, args, context, info);
    return declared(() => resolve(parent, args, context, info), name, codes);
  };
}

/** UNAUTHENTICATED, FORBIDDEN, or null for who may; without a look at anything but the viewer and the subject's id. */
function refusalOf(viewer: Viewer, access: Exclude<Access, 'PUBLIC'>, subject: unknown): IdentityError | null {
  if (viewer.id === null) return unauthenticated(viewer.reason);
  if (access === 'SIGNED_IN' || viewer.role === RoleName.ADMIN) return null;
  if (access === 'SELF_OR_ADMIN' && String(subject).toLowerCase() === viewer.id) return null;
  return forbidden();
}

/** @throws {IdentityError} the refusal; somebody signed in who tries an operation that is not theirs is recorded. */
async function refuse(refusal: IdentityError, { audit }: Context, tried: Attempt | null): Promise<never> {
  if (tried && refusal.code === 'FORBIDDEN') {
    const subjectId = isUuid(tried.subject) ? String(tried.subject).toLowerCase() : null;
    const details = { operation: tried.operation };
    await audit.recordAlone({ action: 'access.denied', subjectId, result: AuditResult.DENIED, details });
  }
  throw refusal;
}

interface Attempt {
  operation: string;
  subject: unknown;
}

async function declared(run: () => unknown, name: string, codes: FieldRule['codes']): Promise<unknown> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof IdentityError) || codes.includes(error.code) || GENERAL_CODES.includes(error.code))
      throw error;
    throw new Error(`${name} failed with ${error.code}, which its @errors does not list`, { cause: error });
  }
}
