import { lstat, mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { AimError, isAimError } from '../../contracts/errors.js'
import type { ModelFile } from '../../contracts/model.js'
import type { WholeFileSource } from '../../ports/weight-source.js'
import { protocol, unreachable } from '../hub/failures.js'
import { bytesBelow } from './bytes-below.js'
import { findProgram } from './find-program.js'
import { startProgram, type ProgramEnd, type RunningProgram } from './start-program.js'

export type HfProgramOptions = {
  /** Path of the `hf` program; absent: found on PATH. */
  program?: string | undefined
  /** Base address of the hub, as in HF_ENDPOINT. */
  endpoint: string
  token: () => Promise<string | null>
  /** Longest time in which its files do not grow, in ms. */
  stallMs?: number
}

const STALL_MS = 120_000
const LOOK_MS = 1_000
/** What of our environment the program sees: how to reach the network, and the knobs of its own transfer. */
const PASSED = /^(?:PATH|LANG|LC_\w+|TMPDIR|(?:https?|no|all)_proxy|SSL_CERT_(?:FILE|DIR)|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|HF_XET_\w+)$/i

/** Python's own client of the hub, which speaks Xet: for files that no range can be had of. Brings one file into a folder of its own first. */
export function hfProgramSource({ program, endpoint, token, stallMs = STALL_MS }: HfProgramOptions): WholeFileSource {
  const hub = new URL(endpoint).origin
  const find = (): Promise<string | null> => findProgram(program ?? 'hf')
  return {
    kind: 'program',
    name: `hf ${hub}`,
    available: async () => (await find()) !== null,

    async bring({ repo, commit }, file, path, signal) {
      const about = { hub, model: repo, ref: commit }
      const found = await find()
      if (found === null) throw new AimError('HubUnreachable', { hub, reason: 'the hf program is not installed' })
      signal?.throwIfAborted()
      const folder = `${path}.hf`
      await rm(folder, { recursive: true, force: true }) // of one that was killed
      await mkdir(folder, { recursive: true })
      try {
        const secret = await token()
        const argv = ['download', '--revision', commit, '--local-dir', folder, '--', repo, file.path]
        const running = startProgram(found, argv, environment(endpoint, folder, secret))
        const end = await untilEnded(running, () => givenUp(folder, file, stallMs, running.stopped, signal)).catch((error: unknown) => {
          signal?.throwIfAborted()
          throw isAimError(error) ? error : unreachable(hub, `hf does not start: ${(error as Error).message}`, {}, error)
        })
        if (end.code !== 0) throw unreachable(hub, `hf ended with ${end.code ?? end.signal}: ${withoutSecret(end.lastLine, secret)}`)
        const brought = join(folder, file.path)
        const facts = await lstat(brought).catch(() => null) // it said that all went well, and wrote nothing
        if (facts === null || !facts.isFile()) throw protocol(about, `hf brought no ${file.path}`)
        await rename(brought, path)
      } finally {
        await rm(folder, { recursive: true, force: true, maxRetries: 3 })
      }
    },
  }
}

async function untilEnded(running: RunningProgram, giveUp: () => Promise<never>): Promise<ProgramEnd> {
  try {
    return await Promise.race([running.ended, giveUp()])
  } finally {
    await running.stop()
  }
}

/** The token is seen by the child alone: not by who lists processes, as it would be in an argument. */
function environment(endpoint: string, folder: string, token: string | null): NodeJS.ProcessEnv {
  return {
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => PASSED.test(name))),
    // Nothing of a person's own: no stored token, no cache that others read.
    HOME: folder,
    HF_HOME: join(folder, '.hf-home'),
    HF_ENDPOINT: endpoint,
    HF_HUB_DISABLE_IMPLICIT_TOKEN: '1',
    HF_HUB_DISABLE_PROGRESS_BARS: '1',
    HF_HUB_DISABLE_TELEMETRY: '1',
    HF_HUB_DISABLE_UPDATE_CHECK: '1',
    NO_COLOR: '1',
    ...(token !== null && { HF_TOKEN: token, HF_HUB_DISABLE_IMPLICIT_TOKEN: '0' }),
  }
}

/** Rejects with the signal's reason, or when nothing was written for so long. Settles silently once `stopped` is aborted. */
async function givenUp(folder: string, file: ModelFile, stallMs: number, stopped: AbortSignal, signal?: AbortSignal): Promise<never> {
  let bytes = -1
  let movedAt = performance.now()
  for (;;) {
    signal?.throwIfAborted()
    if (stopped.aborted) return new Promise<never>(() => {}) // the race is over
    const now = await bytesBelow(folder)
    if (now !== bytes) movedAt = performance.now()
    bytes = now
    if (performance.now() - movedAt >= stallMs)
      throw new AimError('TransferStalled', { file: file.path, seconds: Math.round(stallMs / 1000) })
    const waits = signal === undefined ? [stopped] : [stopped, signal]
    await sleep(Math.min(LOOK_MS, stallMs), undefined, { signal: AbortSignal.any(waits) }).catch(() => {}) // looked at above
  }
}

function withoutSecret(line: string, secret: string | null): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  const clean = line.replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, ' ').slice(0, 300)
  return secret === null ? clean : clean.replaceAll(secret, '***')
}
