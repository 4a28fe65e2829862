import { ModuleMocker } from 'jest-mock';

/**
 * Where suites run: in the process itself, with its globals and modules. Each worker of Jest loads the sources once, and
 * V8 has compiled them for the next suite. What a suite leaves behind in a module or a global, others find.
 */
export default class ProcessEnvironment {
  /** Jest asks for it. Suites use the mocks of `node:test`. */
  moduleMocker = new ModuleMocker(globalThis);
  global = {};

  constructor({ globalConfig, projectConfig }) {
    if (globalConfig.watch || globalConfig.watchAll)
      throw new Error('there is no watch mode: changed sources are loaded by a new run alone');
    Object.assign(globalThis, projectConfig.globals);
  }

  getVmContext() {
    return null;
  }

  async setup() {}

  async teardown() {}
}
