const base = {
  testEnvironment: './test/support/jest/environment.mjs',
  testRunner: './test/support/jest/runner.mjs',
  transform: {},
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
  // For what suites leave behind in their process.
  workerIdleMemoryLimit: '700MB',
};
