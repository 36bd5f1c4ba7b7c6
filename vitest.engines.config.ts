import { join } from 'node:path'
import { defineConfig } from 'vitest/config'

const report = process.env['AIM_TEST_REPORT']

/** Tests with engines that are slow to install or start: real vLLM. One file at a time, because an engine takes every core. */
export default defineConfig({
  test: {
    include: ['test/engines-e2e/**/*.test.ts'],
    globalSetup: ['test/support/temporal.ts'],
    setupFiles: ['test/support/temporal-ready.ts'],
    pool: 'forks',
    maxWorkers: 1,
    fileParallelism: false,
    testTimeout: 600_000,
    hookTimeout: 600_000,
    teardownTimeout: 60_000,
    reporters: report === undefined ? ['default'] : ['default', ['json', { outputFile: join(report, 'engines.json') }]],
  },
})
