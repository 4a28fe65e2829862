import { ApolloProvider } from '@apollo/client/react';
import type { GatehouseUser } from '@gatehouse/client';
import { StrictMode, useCallback, useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { Account } from './account.tsx';
import { apollo, gatehouse, inWords } from './gatehouse.ts';
import { People } from './people.tsx';
import { Records } from './records.tsx';
import { SignIn } from './sign-in.tsx';
import './style.css';
import { language, say, type Word } from './words.ts';

const PAGES = { account: Account, administration: People, audit: Records } satisfies Partial<Record<Word, unknown>>;
type PageName = keyof typeof PAGES;

interface Failure {
  words: string;
  work(): Promise<unknown>;
}

function App() {
  const [user, setUser] = useState<GatehouseUser | null | undefined>(gatehouse.user);
  const [page, setPage] = useState<PageName>('account');
  const [failure, setFailure] = useState<Failure | null>(null);
  const attempt = useCallback((work: Failure['work']) => {
    setFailure(null);
    work().catch((error) => setFailure({ words: inWords(error), work }));
  }, []);
  useEffect(() => {
    attempt(() => gatehouse.restore());
    return gatehouse.onChange((next) => {
      setFailure(null);
      setPage('account');
      setUser(next);
    });
  }, [attempt]);
  if (!user)
    return (
      <>
        {failure && (
          <p role="alert">
            {failure.words}{' '}
            <button type="button" onClick={() => attempt(failure.work)}>
              {say('tryAgain')}
            </button>
          </p>
        )}
        {user === null && <SignIn />}
      </>
    );
  const names: PageName[] = user.role.name === 'ADMIN' ? ['account', 'administration', 'audit'] : ['account'];
  const Page = PAGES[page];
  return (
    <>
      <header>
        <strong>Gatehouse</strong>
        <nav>
          {names.map((name) => (
            <button
              key={name}
              type="button"
              className="link"
              aria-current={name === page ? 'page' : undefined}
              onClick={() => setPage(name)}
            >
              {say(name)}
            </button>
          ))}
        </nav>
        <span>{user.name}</span>
        <button type="button" onClick={() => attempt(() => gatehouse.signOut())}>
          {say('signOut')}
        </button>
      </header>
      <Page key={user.id} />
    </>
  );
}

document.documentElement.lang = language;
createRoot(document.getElementById('root') as HTMLElement).render(
  <StrictMode>
    <ApolloProvider client={apollo}>
      <App />
    </ApolloProvider>
  </StrictMode>,
);
