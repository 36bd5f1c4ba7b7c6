import { execFile } from 'node:child_process'
import { access, constants, stat } from 'node:fs/promises'
import { promisify } from 'node:util'

/** Release of the Temporal CLI that we obtain: the newest without a `replace` directive, which `go install` refuses. */
export const TEMPORAL_VERSION = 'v1.5.1'

/** Oldest server that we run: update-with-start, which the one-operation lock is built on, is on without a setting. */
const OLDEST_SERVER = '1.27.2'

/** A program that can run a Temporal server. `server` is the version of the server inside it. */
export type TemporalProgram = { path: string; source: 'setting' | 'path' | 'cache' | 'download' | 'build'; server: string }

/** Version of the server in a program. Throws an Error that says why the program cannot be used. */
export async function inspectProgram(path: string): Promise<string> {
  await assertExecutable(path)
  const answer = await versionOf(path)
  const server = /\(Server (\d+\.\d+\.\d+)/.exec(answer)?.[1]
  if (server === undefined)
    throw new Error(`${path} is no temporal CLI with a server: \`--version\` says ${JSON.stringify(answer.slice(0, 80))}`)
  if (isOlder(server, OLDEST_SERVER)) throw new Error(`${path} has server ${server}, and ${OLDEST_SERVER} is the oldest that will do`)
  return server
}

async function assertExecutable(path: string): Promise<void> {
  const entry = await stat(path).catch(() => null) // absent and unreachable read the same to the user
  if (entry === null) throw new Error(`${path} does not exist`)
  if (!entry.isFile()) throw new Error(`${path} is no file`)
  await access(path, constants.X_OK).catch(() => {
    throw new Error(`${path} is not executable`)
  })
}

async function versionOf(path: string): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(path, ['--version'], { timeout: 20_000, killSignal: 'SIGKILL' })
    return stdout.trim()
  } catch (error) {
    const [firstLine] = (error as Error).message.split('\n')
    throw new Error(`${path} does not run: ${firstLine}`, { cause: error })
  }
}

function isOlder(version: string, than: string): boolean {
  return version.localeCompare(than, 'en', { numeric: true }) < 0
}
