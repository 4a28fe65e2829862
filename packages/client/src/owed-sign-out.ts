/** How much a sign-out ends. */
export type SignOut = 'here' | 'everywhere';

/**
 * A sign-out that the server has not confirmed. It outlives the page, as the cookie does. Where the browser keeps
 * nothing (`localStorage` is not there, or is forbidden), it is forgotten with the page.
 */
export class OwedSignOut {
  constructor(private readonly name: string) {}

  read(): SignOut | null {
    return attempt(() => localStorage.getItem(this.name)) as SignOut | null;
  }

  write(signOut: SignOut): void {
    attempt(() => localStorage.setItem(this.name, signOut));
  }

  clear(): void {
    attempt(() => localStorage.removeItem(this.name));
  }
}

function attempt<T>(work: () => T): T | null {
  // Node.js 25 has one that warns.
  if (!('document' in globalThis)) return null;
  try {
    return work();
  } catch {
    return null;
  }
}
