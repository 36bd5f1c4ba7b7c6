// Adds up what the phases of .ci/run reported: node .ci/totals.mjs REPORTS NAME=EXIT...
// A phase with tests writes REPORTS/NAME.json (REPORTS is $AIM_TEST_REPORT there), as vitest's JSON reporter does. Read of it are
//   { numPassedTests, numFailedTests, numPendingTests, numTodoTests,               all of them numbers; pending and todo are skipped
//     testResults: [{ name, status, assertionResults: [{ status }] }] }            one a file; 'failed' counts; may be empty
// so that a runner of its own can write as little as that. The last line printed is the sum; the exit code is 1 unless all passed.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const TESTED = ['tests', 'engines', 'chaos']
const [reports, ...outcomes] = process.argv.slice(2)
const phases = outcomes.map((outcome) => outcome.split('='))
const sum = { passed: 0, failed: 0, skipped: 0 }

for (const [name, exit] of phases) {
  const count = TESTED.includes(name) ? countOf(name) : { passed: 0, failed: 0, skipped: 0 }
  // A check, a build or an unhandled error fails a phase without a failed test.
  if (exit !== '0' && count.failed === 0) fail(count, `${name} ended with ${exit}`)
  for (const key of Object.keys(sum)) sum[key] += count[key]
}
console.log(`${sum.passed} passed, ${sum.failed} failed${sum.skipped > 0 ? `, ${sum.skipped} skipped` : ''}`)
process.exitCode = sum.failed === 0 && sum.passed > 0 ? 0 : 1

function countOf(name) {
  const file = join(reports, `${name}.json`)
  const count = { passed: 0, failed: 0, skipped: 0 }
  if (!existsSync(file)) {
    fail(count, `${name} ran no tests`)
    return count
  }
  const report = JSON.parse(readFileSync(file, 'utf8'))
  count.passed = report.numPassedTests
  count.failed = report.numFailedTests
  count.skipped = report.numPendingTests + report.numTodoTests
  // A file that cannot be loaded has no tests that could fail.
  for (const { name: test, status, assertionResults } of report.testResults) {
    if (status === 'failed' && assertionResults.every((result) => result.status !== 'failed')) fail(count, `${test} failed as a whole`)
  }
  if (count.passed + count.failed === 0) fail(count, `${name} ran no tests`)
  return count
}

function fail(count, why) {
  count.failed += 1
  console.log(`failed: ${why}`)
}
