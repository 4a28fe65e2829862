import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';

/** What everything is measured against: Apollo Server as its documentation starts it, with nothing behind it. */
const server = new ApolloServer({ typeDefs: 'type Query { nothing: Int }', logger: silent() });
const { url } = await startStandaloneServer(server, { listen: { host: '127.0.0.1', port: 0 } });
console.log(JSON.stringify({ msg: 'API is ready', address: url.replace(/\/$/, '') }));

function silent() {
  const nothing = () => undefined;
  return { debug: nothing, info: nothing, warn: nothing, error: nothing };
}
