import { ApolloLink, HttpLink } from '@apollo/client';
import type { Gatehouse } from './client.js';

/** The last link of an Apollo Client: sends as the one who is signed in. */
export const gatehouseLink = ({ url: uri, fetch, fetchQuery }: Gatehouse): ApolloLink =>
  ApolloLink.split(
    ({ operationType }) => (operationType as string) === 'query',
    new HttpLink({ uri, fetch: fetchQuery }),
    new HttpLink({ uri, fetch }),
  );
