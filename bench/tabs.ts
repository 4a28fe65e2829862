import { codes, freshEmail, PASSWORD, REGISTER } from '../test/support/people.js';
import type { ApiProcess } from '../test/support/processes.js';
import { seeded } from '../test/support/random.js';
import { REFRESH, refreshInTab, type TokenStore } from '../test/support/tabs.js';
import { machine, row, startInstances } from './instances.js';

/**
 * How often the tabs of a browser that refresh at will are signed out as if one were a thief. Ten tabs share a token on
 * two instances; each refreshes REFRESHES times, 100 unless told, and loses one answer in twenty.
 */
const REFRESHES = Number(process.env.REFRESHES ?? 100);
const TABS = 10;
const LOST = 0.05;

await using instances = await startInstances();
const api = [instances.one, instances.other] as [ApiProcess, ApiProcess];
let turn = 0;
const trade = (token: string) => (api[turn++ % 2] as ApiProcess).ask(REFRESH, { token });

async function member(): Promise<string> {
  const input = { email: freshEmail(), password: PASSWORD, name: 'Ada' };
  return (await api[0].ask(REGISTER, { input })).data.register.refreshToken;
}

/** A tab that is signed out signs in again for all. */
async function browser(inTurn: <T>(work: () => Promise<T>) => Promise<T>, pauseMs: number, lost: number) {
  const store: TokenStore = { token: await member() };
  let signedOut = 0;
  let signingIn: Promise<void> | null = null;
  const tab = async (_: unknown, index: number) => {
    const random = seeded(index);
    for (let count = 0; count < REFRESHES; count += 1) {
      const answer = await inTurn(() => refreshInTab(store, trade, () => random() < lost));
      if (codes(answer).length > 0) {
        signingIn ??= member().then((token) => {
          store.token = token;
          signedOut += 1;
          signingIn = null;
        });
        await signingIn;
      }
      if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, random() * 2 * pauseMs));
    }
  };
  await Promise.all(Array.from({ length: TABS }, tab));
  return signedOut;
}

const atWill = <T>(work: () => Promise<T>) => work();

/** As `navigator.locks.request` does it: one after the other. */
function locked() {
  let last: Promise<unknown> = Promise.resolve();
  return <T>(work: () => Promise<T>): Promise<T> => {
    const mine = last.then(work);
    last = mine.catch(() => undefined);
    return mine;
  };
}

row('ten tabs', 'refreshes', 'lost answers', 'signed out');
row('---', '---', '---', '---');
row('without a pause', TABS * REFRESHES, 'none', await browser(atWill, 0, 0));
row('without a pause', TABS * REFRESHES, '5 %', await browser(atWill, 0, LOST));
row('each with pauses of 1 s on average', TABS * REFRESHES, '5 %', await browser(atWill, 1_000, LOST));
row('under one lock (Web Locks API)', TABS * REFRESHES, '5 %', await browser(locked(), 0, LOST));
console.log(`\n${machine()}.`);
