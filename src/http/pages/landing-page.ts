import type { ApolloServerPlugin } from '@apollo/server';
import { ApolloServerPluginLandingPageLocalDefault } from '@apollo/server/plugin/landingPage/default';

/** Sandbox, and the explorer where Sandbox cannot be loaded. */
export function sandbox(examples: string | undefined, explorer: boolean): ApolloServerPlugin {
  const { serverWillStart } = ApolloServerPluginLandingPageLocalDefault({
    embed: { runTelemetry: false },
    document: examples,
  });
  if (!explorer) return { serverWillStart };
  return {
    async serverWillStart(server) {
      const listener = await serverWillStart?.(server);
      const page = await listener?.renderLandingPage?.();
      if (!page) throw new Error('Apollo has no landing page any more');
      return {
        ...listener,
        renderLandingPage: async () => ({
          html: async () => {
            const html = typeof page.html === 'string' ? page.html : await page.html();
            return html.replace('<body>', '<body><script src="/explorer/sandbox-or-explorer.js"></script>');
          },
        }),
      };
    },
  };
}
