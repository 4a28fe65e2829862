import { useState } from 'react';
import { Field, Form } from './form.tsx';
import { gatehouse } from './gatehouse.ts';
import { say } from './words.ts';

export function SignIn() {
  const [isNew, setNew] = useState(false);
  const word = isNew ? 'register' : 'signIn';
  return (
    <main>
      <h1>{say(word)}</h1>
      <Form
        key={word}
        submit={word}
        onSubmit={({ email = '', password = '', name = '' }) =>
          isNew ? gatehouse.register({ email, password, name }) : gatehouse.signIn({ email, password })
        }
      >
        {isNew && <Field label="name" name="name" autoComplete="name" />}
        <Field label="email" name="email" type="email" autoComplete="username" />
        <Field
          label="password"
          name="password"
          type="password"
          autoComplete={isNew ? 'new-password' : 'current-password'}
        />
      </Form>
      <button type="button" className="link" onClick={() => setNew(!isNew)}>
        {say(isNew ? 'toSignIn' : 'toRegister')}
      </button>
    </main>
  );
}
