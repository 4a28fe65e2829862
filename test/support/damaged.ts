const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** The token with each of its bits turned, those that carry nothing included; shorter ones, and longer ones. */
export function damaged(token: string): string[] {
  const turned = [...token].flatMap((letter, at) => {
    const bits = BASE64URL.indexOf(letter);
    if (bits < 0) return [];
    return [1, 2, 4, 8, 16, 32].map((bit) => token.slice(0, at) + BASE64URL[bits ^ bit] + token.slice(at + 1));
  });
  const shorter = [0, 1, Math.floor(token.length / 2), token.length - 1].map((length) => token.slice(0, length));
  const longer = ['A', '=', '==', '.', '.A', '!', ' ', '\n', '\0', 'é', token].map((end) => token + end);
  return [...turned, ...shorter, ...longer, ` ${token}`, `${token[0]}=${token.slice(1)}`, token.toUpperCase()];
}
