import { ConstraintViolationException } from '@mikro-orm/core';

/**
 * Whether the database refused a change by the constraint, index or trigger of this name. Every other refusal is a
 * fault of ours.
 */
export const isRefusedBy = (constraint: string, error: unknown) =>
  error instanceof ConstraintViolationException && 'constraint' in error && error.constraint === constraint;
