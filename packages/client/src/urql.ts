import { type Exchange, makeOperation } from '@urql/core';
import { map, pipe } from 'wonka';
import type { Gatehouse } from './client.js';

/** For urql, before its `fetchExchange`: sends as the one who is signed in, by POST. */
export const gatehouseExchange =
  ({ url, fetch, fetchQuery }: Gatehouse): Exchange =>
  ({ forward }) =>
  (operations) =>
    pipe(
      operations,
      map((operation) =>
        makeOperation(operation.kind, operation, {
          ...operation.context,
          url,
          fetch: operation.kind === 'query' ? fetchQuery : fetch,
          preferGetMethod: false,
        }),
      ),
      forward,
    );
