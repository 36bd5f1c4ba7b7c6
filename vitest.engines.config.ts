import { join } from 'node:path'
import { defineConfig } from 'vitest/config'
import { LongestFirst } from './test/support/longest-first.js'

const report = process.env['AIM_TEST_REPORT']

/** Tests with engines that are slow to install or start: real vLLM. Two files at a time, and each has one engine at a time: one that starts uses one core. */
export default defineConfig({
  test: {
    include: ['test/engines-e2e/**/*.test.ts'],
    globalSetup: ['test/support/temporal.ts'],
    setupFiles: ['test/support/temporal-ready.ts'],
    pool: 'forks',
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    testTimeout: 600_000,
    hookTimeout: 600_000,
    teardownTimeout: 60_000,
    reporters: report === undefined ? ['default'] : ['default', ['json', { outputFile: join(report, 'engines.json') }]],
  },
})
