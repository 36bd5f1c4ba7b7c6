import { readdir } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { TEMPORAL_VERSION } from './program.js'
import { runTool } from './run-tool.js'

const LIMIT_MS = 60_000

/**
 * The SDK downloads a server as a part of starting it for a test, and loading that makes a native runtime that a process can have
 * only once: hence a process of its own, which can also be ended when the network swallows packets.
 */
const SCRIPT = `
const [, testing, start, downloadDir, version] = process.argv
const { TestWorkflowEnvironment } = require(testing)
TestWorkflowEnvironment[start]({ server: { executable: { type: 'cached-download', downloadDir, version } } })
  .then((environment) => environment.teardown())
  .catch((error) => { console.error(error.message); process.exitCode = 1 })
`

/** Which server of the SDK: the CLI, or the one for tests that skips time. `default` is the version that fits the SDK. */
export type SdkDownload = {
  start: 'createLocal' | 'createTimeSkipping'
  version: string
  timeoutMs: number
  signal?: AbortSignal | undefined
}

/** Downloads the CLI into `folder` and returns its path. Throws an Error with the reason. */
export async function downloadTemporal(
  folder: string,
  { signal, onProgress }: { signal?: AbortSignal | undefined; onProgress: (line: string) => void },
): Promise<string> {
  onProgress(`downloading the Temporal server ${TEMPORAL_VERSION} (once, at most ${LIMIT_MS / 1000} s)`)
  return downloadBySdk(folder, { start: 'createLocal', version: TEMPORAL_VERSION, timeoutMs: LIMIT_MS, signal })
}

/** Downloads a server the way the Temporal SDK does, into `folder`, and returns its path. */
export async function downloadBySdk(folder: string, { start, version, timeoutMs, signal }: SdkDownload): Promise<string> {
  const testing = createRequire(import.meta.url).resolve('@temporalio/testing')
  await runTool(process.execPath, ['-e', SCRIPT, testing, start, folder, version], { timeoutMs, signal })
  const program = (await readdir(folder)).find((name) => name.startsWith('temporal'))
  if (program === undefined) throw new Error('the SDK downloaded nothing that we recognise')
  return join(folder, program)
}
