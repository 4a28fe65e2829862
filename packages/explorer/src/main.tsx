import 'graphiql/setup-workers/vite';
import 'graphiql/style.css';
import './style.css';
import { createGatehouse } from '@gatehouse/client';
import { GraphiQL, type GraphiQLProps } from 'graphiql';
import { buildSchema } from 'graphql';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import examples from '../../../examples.graphql?raw';
import { SignIn } from './sign-in.tsx';
import { inMemory } from './storage.ts';

/** What the server says to this page. */
interface Contents {
  /** Its descriptions say the rule and the codes of each field. */
  schema: string;
  /** Whether the server keeps the refresh token in a cookie. */
  cookies: boolean;
}

const { schema, cookies } = (await (await fetch('contents.json')).json()) as Contents;
const gatehouse = createGatehouse({ url: new URL('/graphql', location.href).href, cookies });
if (cookies) await gatehouse.restore().catch(() => null);

const fetcher: GraphiQLProps['fetcher'] = async (request, { headers = {} } = {}) => {
  // What stands in the editor of headers goes first.
  const isOwn = Object.keys(headers).some((name) => name.toLowerCase() === 'authorization');
  const send = isOwn ? fetch : gatehouse.fetch;
  const response = await send(gatehouse.url, {
    method: 'POST',
    headers: { accept: 'application/graphql-response+json', 'content-type': 'application/json', ...headers },
    body: JSON.stringify(request),
  });
  return response.json();
};

createRoot(document.getElementById('root') as HTMLElement).render(
  <StrictMode>
    <SignIn gatehouse={gatehouse} />
    <GraphiQL
      fetcher={fetcher}
      schema={buildSchema(schema)}
      defaultTabs={[{ query: examples }]}
      storage={inMemory()}
      shouldPersistHeaders={false}
      showPersistHeadersSettings={false}
    />
  </StrictMode>,
);
