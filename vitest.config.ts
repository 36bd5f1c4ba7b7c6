import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { defineConfig } from 'vitest/config'
import { LongestFirst } from './test/support/longest-first.js'

/** Folder for machine-readable results, beside what people read; `.ci/run` adds them up. */
const report = process.env['AIM_TEST_REPORT']

/** What a test file imports that needs a program which a bare machine obtains first: Temporal, an S3 server, Python's hub client... */
const TOOLS =
  /\/(cluster|failure-lanes|python-hub|s3-server|sample-weights|smollm2|stack|temporal|temporal-address|time-skipping|toxiproxy|two-nodes)\.js'/
/** Takes minutes, and has a command of its own: `npm run test:steps`. */
const long = process.env['AIM_ALL_STEPS'] === '1' ? [] : [join('test', 'workflow', 'any-step.test.ts')]
const tests = readdirSync('test', { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.test.ts') && !name.startsWith('engines-e2e'))
  .map((name) => join('test', name))
  .filter((name) => !long.includes(name))
const withTools = tests.filter((file) => TOOLS.test(readFileSync(file, 'utf8')))

/** Only functions of their arguments: what one test file has loaded, the next one can use. */
const PURE = ['contracts', 'domain', 'engines', 'recipes'].map((folder) => join('test', folder))
const pure = tests.filter((file) => !withTools.includes(file) && PURE.some((folder) => file.startsWith(`${folder}/`)))

/** Recording is no test: `npm run record-histories` asks for it. */
const recording = process.env['AIM_RECORD'] === '1'

export default defineConfig({
  test: {
    // Temporal's native module does not survive worker threads.
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    teardownTimeout: 30_000,
    sequence: { sequencer: LongestFirst },
    reporters: report === undefined ? ['default'] : ['default', ['json', { outputFile: join(report, 'tests.json') }]],
    projects: [
      // First, because the tools may still be on their way.
      {
        extends: true,
        test: {
          name: 'plain',
          include: recording ? [] : ['test/**/*.test.ts'],
          exclude: ['test/engines-e2e/**', ...long, ...withTools, ...pure],
        },
      },
      { extends: true, test: { name: 'pure', include: recording ? [] : pure, isolate: false } },
      {
        extends: true,
        test: {
          name: 'tools',
          include: recording ? ['test/replay/record.ts'] : withTools,
          globalSetup: ['test/support/temporal.ts'],
          setupFiles: ['test/support/temporal-ready.ts'],
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
