import { createRequire, registerHooks } from 'node:module';
import { pathToFileURL } from 'node:url';
import circus from 'jest-circus/runner';
import { register } from 'tsx/esm/api';
import { setGlobals } from './globals.mjs';

const require = createRequire(import.meta.url);
const GLOBALS = new URL('./globals.mjs', import.meta.url).href;
/** By the description of their symbols: each copy of Jest Circus keeps a suite's tests and handlers in them. */
const STATE_OF_SUITE = ['JEST_STATE_SYMBOL', 'EVENT_HANDLERS'];

register();
registerHooks({
  resolve: (specifier, context, next) =>
    specifier === '@jest/globals' ? { url: GLOBALS, shortCircuit: true } : next(specifier, context),
});
process.setSourceMapsEnabled(true);

/**
 * Jest's own runner, Circus, with the modules of the process: Jest would load all sources anew for each suite, which took
 * half of a run.
 */
export default async function run(globalConfig, config, environment, _, testPath, sendMessageToJest) {
  const modules = {
    requireModule: require,
    // A copy for each suite: Circus has no way to forget the last one.
    requireInternalModule(path) {
      delete require.cache[path];
      return require(path);
    },
    setGlobalsForRuntime: setGlobals,
    unstable_shouldLoadAsEsm: () => true,
    unstable_importModule: (path) => import(pathToFileURL(path).href),
    enterTestCode() {},
    leaveTestCode() {},
  };
  // Jest's way to show places in sources does not know what tsx has compiled; that of Node.js does.
  Error.prepareStackTrace = undefined;
  try {
    return await circus.default(globalConfig, config, environment, modules, testPath, sendMessageToJest);
  } finally {
    for (const symbol of Object.getOwnPropertySymbols(globalThis))
      if (STATE_OF_SUITE.includes(symbol.description)) delete globalThis[symbol];
  }
}
