import { isRoot, rulesOf } from '../../src/graphql/rules.js';
import { buildUnguarded } from '../../src/schema.js';

/** Without resolvers that run: for what the schema says. */
export const SCHEMA = buildUnguarded();

/** The rule of each operation. */
export const ROOT_RULES = rulesOf(SCHEMA).filter(({ type }) => isRoot(SCHEMA, type));
