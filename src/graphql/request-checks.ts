import type { ApolloServerPlugin, GraphQLRequestListener, GraphQLResponse } from '@apollo/server';
import type { Context } from '../request/context.js';
import type { KnownDocuments } from './known-documents.js';
import { COSTLY, type OperationChecks } from './operation-checks.js';

/** Has each operation that Apollo runs checked, and documents remembered that it has found good. */
export function requestChecks(checks: OperationChecks, known: KnownDocuments): ApolloServerPlugin<Context> {
  // Made once: each request would pay for a listener of its own.
  const listener: GraphQLRequestListener<Context> = {
    async didResolveOperation({ document, operation, source, contextValue, request: { extensions, variables = {} } }) {
      known.remember(source, document);
      const { execution } = contextValue;
      execution.isMutation = operation?.operation === 'mutation';
      const { refusal, cost } = checks.check({ document, operation, variables, extensions });
      if (refusal) {
        // Apollo's way to say the status: what is thrown here is a fault of the server to it.
        refusal.extensions.http = { status: 400 };
        throw refusal;
      }
      if (cost > COSTLY) await execution.becomeCostly();
    },
    didEncounterErrors: ({ errors, contextValue }) => checks.noteErrors(errors, contextValue),
    async willSendResponse({ response, contextValue }) {
      // How many errors there are would tell which of many guessed names is one.
      if (checks.settings.hidesNames) keepOneValidationError(response);
      await contextValue.execution.giveWay();
    },
  };
  return {
    async requestDidStart({ request }) {
      // Forms and clients that always send the field mean none by an empty name.
      if (request.operationName === '') request.operationName = undefined;
      return listener;
    },
  };
}

function keepOneValidationError({ body }: GraphQLResponse): void {
  if (body.kind !== 'single') return;
  const { errors = [] } = body.singleResult;
  if (errors.length > 1 && errors.every(({ extensions }) => extensions?.code === 'GRAPHQL_VALIDATION_FAILED'))
    body.singleResult.errors = errors.slice(0, 1);
}
