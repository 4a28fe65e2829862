import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const client = (file: string) => fileURLToPath(new URL(`../../packages/client/src/${file}`, import.meta.url));

export default defineConfig({
  resolve: {
    alias: [
      { find: '@gatehouse/client/apollo', replacement: client('apollo.ts') },
      { find: '@gatehouse/client', replacement: client('index.ts') },
    ],
  },
});
