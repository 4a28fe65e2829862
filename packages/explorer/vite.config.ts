import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  base: '/explorer/',
  resolve: { alias: { '@gatehouse/client': at('../client/src/index.ts') } },
  // Beside the compiled server, which serves it. The editor is large, and loaded once.
  build: { outDir: at('../../dist/explorer'), emptyOutDir: true, chunkSizeWarningLimit: 5_000 },
});
