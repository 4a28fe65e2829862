const base = {
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: { '^.+\\.ts$': '@swc/jest' },
  testEnvironment: 'node',
};

/** The suites of the API run twice, on the embedded database and on PostgreSQL; the others need no database or servers of their own. */
export default {
  reporters: ['default', './test/support/closing-line.js'],
  projects: [
    {
      ...base,
      displayName: 'embedded',
      testMatch: ['<rootDir>/test/api/**/*.test.ts'],
      globals: { database: 'pglite' },
    },
    {
      ...base,
      displayName: 'postgres',
      testMatch: ['<rootDir>/test/api/**/*.test.ts'],
      globals: { database: 'postgres' },
    },
    {
      ...base,
      displayName: 'house',
      testMatch: ['<rootDir>/test/house/**/*.test.ts'],
      globals: { database: 'pglite' },
    },
    { ...base, displayName: 'servers', testMatch: ['<rootDir>/test/servers/**/*.test.ts'] },
  ],
  testSequencer: './test/support/longest-first.js',
  testTimeout: 90_000,
  maxWorkers: 2,
  // A worker keeps the modules of every suite that it has run, and slows down as it grows.
  workerIdleMemoryLimit: '700MB',
};
