import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';
import { announce } from './ready.js';

/** What the framework costs: Apollo Server as its documentation starts it, with one user in its memory. */
const typeDefs = `
  type Query { me: User user(id: ID!): User users(first: Int, after: String): Users }
  type Users { nodes: [User!]! pageInfo: PageInfo! }
  type PageInfo { hasNextPage: Boolean! endCursor: String }
  type User { id: ID! email: String! name: String! role: Role! }
  type Role { name: String! }
`;
const ada = { id: process.env.ME, email: 'ada@example.com', name: 'Ada Lovelace', role: { name: 'MEMBER' } };
const page = { nodes: Array.from({ length: 20 }, () => ada), pageInfo: { hasNextPage: true, endCursor: 'MjA' } };
const resolvers = { Query: { me: () => ada, user: (_, { id }) => ({ ...ada, id }), users: () => page } };
const nothing = () => undefined;
const logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };

const { url } = await startStandaloneServer(new ApolloServer({ typeDefs, resolvers, logger }), {
  listen: { host: '127.0.0.1', port: 0 },
});
announce(url.replace(/\/$/, ''));
