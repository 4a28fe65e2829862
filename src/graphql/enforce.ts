import { defaultFieldResolver, type GraphQLSchema } from 'graphql';
import { validate as isUuid } from 'uuid';
import { forbidden, GENERAL_CODES, IdentityError, unauthenticated } from '../errors.js';
import type { Viewer } from '../request/actor.js';
import { type Context, denialsOf } from '../request/context.js';
import type { Execution } from '../request/execution.js';
import type { Access } from './directives.js';
import { type FieldRule, isRoot, rulesOf, SUBJECTS } from './rules.js';

/**
 * Makes the rules law: wraps every resolver outermost, so that a denied field runs none of its code, and writes rule
 * and codes into its description. A root field that is denied to a signed-in viewer is noted in
 * the request's denials.
 * @throws {RuleError} as `rulesOf`.
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
  const subjectProperty = Object.hasOwn(SUBJECTS, type.name) ? String(SUBJECTS[type.name]) : '';
  const resolve = field.resolve;
  if (access === 'PUBLIC' && !resolve) return;
  field.resolve = (parent, args, context, info) => {
    const subject = root ? args.id : (parent as Record<string, unknown>)[subjectProperty];
    // Only what the object holds itself: whatever has a resolver leads to somewhere else.
    const isDisclosed =
      !root && !resolve && access === 'SELF_OR_ADMIN' && (context as Context).disclosed.has(parent as object);
    const isAllowed = access === 'PUBLIC' || isDisclosed;
    const refusal = isAllowed ? null : refusalOf((context as Context).viewer, access, subject);
    if (refusal?.code === 'FORBIDDEN' && root) {
      const subjectId = isUuid(subject) ? String(subject).toLowerCase() : null;
      denialsOf(context as Context).push({ operation: name, subjectId });
    }
    if (refusal) throw refusal;
    // Without a resolver of its own there is nothing that could throw, or take long.
    if (!resolve) return defaultFieldResolver(parent, args, context, info);
    const { execution } = context as Context;
    execution.checkTime();
    const run = () => resolve(parent, args, context, info);
    // Not within lists: what is waited for there one by one would be looked up one by one.
    return declared(root && execution.isCostly ? () => givingWay(execution, run) : run, name, codes);
  };
}

/** UNAUTHENTICATED, FORBIDDEN, or null for who may; without a look at anything but the viewer and the subject's id. */
function refusalOf(viewer: Viewer, access: Exclude<Access, 'PUBLIC'>, subject: unknown): IdentityError | null {
  if (viewer.id === null) return unauthenticated(viewer.reason);
  if (access === 'SIGNED_IN' || viewer.role === 'ADMIN') return null;
  if (access === 'SELF_OR_ADMIN' && String(subject).toLowerCase() === viewer.id) return null;
  return forbidden();
}

/** The result of a costly field, before and after which small requests go first. */
async function givingWay(execution: Execution, run: () => unknown): Promise<unknown> {
  await execution.giveWay();
  const result = await run();
  await execution.giveWay();
  return result;
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
