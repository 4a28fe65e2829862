const base = {
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: { '^.+\\.ts$': '@swc/jest' },
  testEnvironment: 'node',
};

/** The suites of the API run on both databases; those of the house need none, or no other than the embedded one. */
export default {
  reporters: ['default', './test/support/closing-line.js'],
  projects: [
    {
      ...base,
      displayName: 'api',
      testMatch: ['<rootDir>/test/api/**/*.test.ts'],
      globals: { databases: ['PGlite', 'PostgreSQL'] },
    },
    {
      ...base,
      displayName: 'house',
      testMatch: ['<rootDir>/test/house/**/*.test.ts'],
      globals: { databases: ['PGlite'] },
    },
    { ...base, displayName: 'servers', testMatch: ['<rootDir>/test/servers/**/*.test.ts'] },
  ],
  testSequencer: './test/support/longest-first.js',
  // For what hangs; how fast something is, a benchmark says.
  testTimeout: 300_000,
  // Of two cores, too: the suites of servers wait much of their time.
  maxWorkers: 4,
  // A worker keeps the modules of every suite that it has run, and slows down as it grows.
  workerIdleMemoryLimit: '700MB',
};
