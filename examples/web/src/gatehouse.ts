import { ApolloClient, ApolloLink, CombinedGraphQLErrors, InMemoryCache } from '@apollo/client';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { createGatehouse, GatehouseError } from '@gatehouse/client';
import { gatehouseLink } from '@gatehouse/client/apollo';
import { isWord, say } from './words.ts';

export const gatehouse = createGatehouse({ url: import.meta.env.VITE_API_URL ?? 'http://localhost:4000/graphql' });

async function sha256(text: string): Promise<string> {
  const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return [...new Uint8Array(hash)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

export const apollo = new ApolloClient({
  cache: new InMemoryCache(),
  link: ApolloLink.from([new PersistedQueryLink({ sha256 }), gatehouseLink(gatehouse)]),
});

// What one person has read is not for the next.
let userId = gatehouse.user?.id;
gatehouse.onChange((user) => {
  if (user?.id !== userId) void apollo.clearStore();
  userId = user?.id;
});

/** What went wrong, in the reader's language. */
export function inWords(error: unknown): string {
  const extensions = CombinedGraphQLErrors.is(error) ? error.errors[0]?.extensions : undefined;
  const code = error instanceof GatehouseError ? error.code : String(extensions?.code ?? 'NETWORK_ERROR');
  const seconds = error instanceof GatehouseError ? error.retryAfterSeconds : Number(extensions?.retryAfterSeconds);
  if (code === 'RATE_LIMITED') return say('tooManyAttempts', { seconds: seconds ?? 60 });
  if (code === 'NETWORK_ERROR') return say('noConnection');
  return isWord(code) ? say(code) : say('failed');
}
