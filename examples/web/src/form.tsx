import { type ReactNode, useId, useState } from 'react';
import { inWords } from './gatehouse.ts';
import { say, type Word } from './words.ts';

interface FieldProps {
  label: Word;
  name: string;
  type?: string;
  autoComplete: string;
  defaultValue?: string;
}

export function Field({ label, name, type = 'text', autoComplete, defaultValue }: FieldProps) {
  const id = useId();
  return (
    <p>
      <label htmlFor={id}>{say(label)}</label>
      <input id={id} name={name} type={type} autoComplete={autoComplete} defaultValue={defaultValue} required />
    </p>
  );
}

interface FormProps {
  submit: Word;
  /** Said when it is done. */
  done?: Word;
  onSubmit(values: Record<string, string>): Promise<unknown>;
  children: ReactNode;
}

export function Form({ submit, done, onSubmit, children }: FormProps) {
  const [state, setState] = useState<{ busy?: boolean; error?: string; done?: boolean }>({});
  return (
    <form
      onSubmit={async (event) => {
        event.preventDefault();
        const form = event.currentTarget;
        const values = Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, String(value)]));
        setState({ busy: true });
        try {
          await onSubmit(values);
          setState({ done: true });
        } catch (error) {
          setState({ error: inWords(error) });
        }
      }}
    >
      {children}
      <button type="submit" disabled={state.busy}>
        {say(submit)}
      </button>
      {state.error && <p role="alert">{state.error}</p>}
      {state.done && done && <p role="status">{say(done)}</p>}
    </form>
  );
}
