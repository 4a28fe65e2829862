import type { GraphiQLProps } from 'graphiql';

/**
 * For as long as the page is open: what is typed into operations and variables may be a password, and `localStorage`
 * would keep it for every script of this origin.
 */
export function inMemory(): NonNullable<GraphiQLProps['storage']> {
  const items = new Map<string, string>();
  return {
    get length() {
      return items.size;
    },
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => void items.set(key, value),
    removeItem: (key) => void items.delete(key),
    clear: () => items.clear(),
  };
}
