import { type Gatehouse, GatehouseError } from '@gatehouse/client';
import { type FormEvent, useEffect, useState } from 'react';

/** Signs in and out. Requests of the explorer carry the token from then on. */
export function SignIn({ gatehouse }: { gatehouse: Gatehouse }) {
  const [user, setUser] = useState(gatehouse.user);
  const [refusal, setRefusal] = useState('');
  useEffect(() => gatehouse.onChange(setUser), [gatehouse]);

  async function signIn(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setRefusal('');
    try {
      await gatehouse.signIn({ email: String(form.get('email')), password: String(form.get('password')) });
    } catch (error) {
      setRefusal(error instanceof GatehouseError ? `${error.message} (${error.code})` : String(error));
    }
  }

  if (user) {
    return (
      <header>
        <output>
          {user.name}, {user.role.name}: requests have the header <code>Authorization: Bearer …</code>
        </output>
        <button type="button" onClick={() => void gatehouse.signOut().catch(() => undefined)}>
          Log out
        </button>
      </header>
    );
  }
  return (
    <header>
      <form onSubmit={signIn}>
        <label>
          E-mail <input name="email" type="email" autoComplete="username" required />
        </label>
        <label>
          Password <input name="password" type="password" autoComplete="current-password" required />
        </label>
        <button type="submit">Log in</button>
      </form>
      <output>{refusal || 'Not logged in: requests have no token.'}</output>
    </header>
  );
}
