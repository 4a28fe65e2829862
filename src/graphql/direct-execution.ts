import { execute, type GraphQLError, type GraphQLFormattedError, type GraphQLSchema, getOperationAST } from 'graphql';
import { type Context, denialsOf } from '../request/context.js';
import type { KnownDocuments } from './known-documents.js';
import { COSTLY, type OperationChecks } from './operation-checks.js';
import type { FoundDocument } from './persisted-operations.js';

/** What a request names beside its document. */
export interface RequestParameters {
  operationName: string | undefined;
  variables: Record<string, unknown>;
  extensions: Record<string, unknown> | undefined;
}

type FormatError = (formatted: GraphQLFormattedError, error: unknown) => GraphQLFormattedError;

/**
 * Runs operations of documents that are known to be good: with the same checks and the same answers as by Apollo Server,
 * and without what that does again for each request.
 */
export class DirectExecution {
  constructor(
    private readonly schema: GraphQLSchema,
    private readonly known: KnownDocuments,
    private readonly checks: OperationChecks,
    private readonly formatError: FormatError,
  ) {}

  /** The body of the answer; null where nothing has run yet, and the answer is Apollo's to give. */
  async run(
    { text, compiled }: FoundDocument,
    { operationName, variables, extensions }: RequestParameters,
    contextOfRequest: () => Promise<Context>,
  ): Promise<string | null> {
    const document = this.known.find(text);
    const operation = document && getOperationAST(document, operationName);
    if (!operation) return null;
    const { refusal, cost } = this.checks.check({ document, operation, variables, extensions });
    if (refusal || cost > COSTLY) return null;
    const contextValue = await contextOfRequest().catch(() => null);
    if (!contextValue) return null;
    contextValue.execution.isMutation = operation.operation === 'mutation';
    const { schema } = this;
    let result = compiled && (await compiled(contextValue, variables));
    // Which errors there are, and in which order, is for graphql-js to say. What is compiled changes nothing, and can run
    // again.
    if (result?.errors) denialsOf(contextValue).splice(0);
    if (!result || result.errors)
      result = await execute({ schema, document, contextValue, variableValues: variables, operationName });
    // Refused before its first field.
    if (result.data === undefined) return null;
    const errors = result.errors && (await this.#errorsOf(result.errors, contextValue));
    return `${JSON.stringify({ errors, data: result.data })}\n`;
  }

  async #errorsOf(errors: readonly GraphQLError[], context: Context): Promise<GraphQLFormattedError[]> {
    await this.checks.noteErrors(errors, context);
    return errors.map((error) => {
      const code = error.extensions.code ?? 'INTERNAL_SERVER_ERROR';
      return this.formatError({ ...error.toJSON(), extensions: { ...error.extensions, code } }, error);
    });
  }
}
