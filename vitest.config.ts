import { join } from 'node:path'
import { defineConfig } from 'vitest/config'

/** Folder for machine-readable results, beside what people read; `.ci/run` adds them up. */
const report = process.env['AIM_TEST_REPORT']

export default defineConfig({
  test: {
    // Recording is no test: `npm run record-histories` asks for it.
    include: process.env['AIM_RECORD'] === '1' ? ['test/replay/record.ts'] : ['test/**/*.test.ts'],
    exclude: ['test/engines-e2e/**'],
    globalSetup: ['test/support/temporal.ts'],
    // Temporal's native module does not survive worker threads.
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    teardownTimeout: 30_000,
    reporters: report === undefined ? ['default'] : ['default', ['json', { outputFile: join(report, 'tests.json') }]],
  },
})
