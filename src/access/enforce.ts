import { defaultFieldResolver, type GraphQLSchema } from 'graphql';
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
    if (access !== 'PUBLIC' && !isDisclosed) admit((context as Context).viewer, access, subject);
    // Without a resolver of its own there is nothing that could throw.
    if (!resolve) return defaultFieldResolver(parent, args, context, info);
    return declared(() => resolve(parent, args, context, info), name, codes);
  };
}

/** @throws {IdentityError} UNAUTHENTICATED or FORBIDDEN, without a look at anything but the viewer and the subject's id. */
function admit(viewer: Viewer, access: Exclude<Access, 'PUBLIC'>, subject: unknown): void {
  if (viewer.id === null) throw unauthenticated(viewer.reason);
  if (access === 'SIGNED_IN' || viewer.role === RoleName.ADMIN) return;
  if (access === 'SELF_OR_ADMIN' && String(subject).toLowerCase() === viewer.id) return;
  throw forbidden();
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
