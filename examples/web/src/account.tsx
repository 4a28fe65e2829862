import { useMutation, useQuery } from '@apollo/client/react';
import { useState } from 'react';
import { DELETE_USER, ME, REVOKE_SESSION, UPDATE_PROFILE } from './documents.ts';
import { Field, Form } from './form.tsx';
import { gatehouse, inWords } from './gatehouse.ts';
import type { User } from './people.tsx';
import { say, sayTime } from './words.ts';

interface Session {
  id: string;
  userAgent: string | null;
  ipAddress: string | null;
  lastUsedAt: string;
  current: boolean;
}

export function Account() {
  const { data, previousData, error, refetch } = useQuery<{ me: (User & { sessions: Session[] }) | null }>(ME, {
    fetchPolicy: 'cache-and-network',
  });
  const [updateProfile] = useMutation(UPDATE_PROFILE);
  const [revokeSession] = useMutation(REVOKE_SESSION);
  const [deleteUser] = useMutation(DELETE_USER);
  const [failure, setFailure] = useState('');
  const me = (data ?? previousData)?.me;
  const alert = error && <p role="alert">{inWords(error)}</p>;
  if (!me) return alert;
  // `error` says if it fails: what was done before has not failed.
  const reload = () => refetch().catch(() => undefined);
  const attempt = (work: () => Promise<unknown>) => work().catch((thrown) => setFailure(inWords(thrown)));
  return (
    <main>
      <h1>{say('account')}</h1>
      {alert}
      <section>
        <h2>{say('profile')}</h2>
        <p>{me.email}</p>
        <Form submit="save" done="saved" onSubmit={({ name }) => updateProfile({ variables: { input: { name } } })}>
          <Field label="name" name="name" autoComplete="name" defaultValue={me.name} />
        </Form>
      </section>
      <section>
        <h2>{say('sessions')}</h2>
        <ul>
          {me.sessions.map(({ id, userAgent, ipAddress, lastUsedAt, current }) => (
            <li key={id}>
              <span>
                {userAgent?.slice(0, 60) ?? say('unknownDevice')} · {ipAddress} · {sayTime(lastUsedAt)}
              </span>
              {current ? (
                <strong>{say('thisSession')}</strong>
              ) : (
                <button type="button" onClick={() => attempt(() => revokeSession({ variables: { id } }).then(reload))}>
                  {say('endSession')}
                </button>
              )}
            </li>
          ))}
        </ul>
      </section>
      <section>
        <h2>{say('changePassword')}</h2>
        <Form
          submit="changePassword"
          done="passwordChanged"
          onSubmit={async ({ currentPassword = '', newPassword = '' }) => {
            await gatehouse.changePassword({ currentPassword, newPassword });
            await reload();
          }}
        >
          <Field label="currentPassword" name="currentPassword" type="password" autoComplete="current-password" />
          <Field label="newPassword" name="newPassword" type="password" autoComplete="new-password" />
        </Form>
      </section>
      <section>
        <h2>{say('deleteAccount')}</h2>
        <Form
          submit="deleteAccount"
          onSubmit={async ({ password }) => {
            if (!window.confirm(say('confirmDelete'))) return;
            await deleteUser({ variables: { id: me.id, password } });
            await gatehouse.signOut();
          }}
        >
          <Field label="passwordToConfirm" name="password" type="password" autoComplete="current-password" />
        </Form>
        {failure && <p role="alert">{failure}</p>}
      </section>
    </main>
  );
}
