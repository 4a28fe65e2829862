import { HttpLink } from '@apollo/client';
import type { Gatehouse } from './client.js';

/** The last link of an Apollo Client: sends as the one who is signed in. */
export const gatehouseLink = (gatehouse: Gatehouse): HttpLink =>
  new HttpLink({ uri: gatehouse.url, fetch: gatehouse.fetch });
