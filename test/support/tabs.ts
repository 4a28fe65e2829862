import type { Answer } from './people.js';

export const REFRESH =
  'mutation ($token: String!) { refresh(input: { refreshToken: $token }) { accessToken refreshToken } }';

/** Where the tabs of a browser keep the refresh token that they share. */
export interface TokenStore {
  token: string;
}

/**
 * One refresh by one tab. It takes the token of the store, tries again with the same one while its answer is lost on
 * the way, and puts the next one into the store unless another tab has been there.
 */
export async function refreshInTab(
  store: TokenStore,
  trade: (token: string) => Promise<Answer>,
  isLost: () => boolean,
): Promise<Answer> {
  const used = store.token;
  let answer = await trade(used);
  while (isLost()) answer = await trade(used);
  const next: string | undefined = answer.data?.refresh.refreshToken;
  if (next && store.token === used) store.token = next;
  return answer;
}
