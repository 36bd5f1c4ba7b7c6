import { join } from 'node:path'
import { runTool } from './run-tool.js'
import { TEMPORAL_VERSION } from './program.js'

const PACKAGE = 'github.com/temporalio/cli/cmd/temporal'
const LIMIT_MS = 30 * 60_000
const TELL_EVERY_MS = 5_000

type Options = { signal?: AbortSignal | undefined; onProgress: (line: string) => void; env?: NodeJS.ProcessEnv }

/** Builds the CLI from its source with Go into `folder`, and returns its path. About 4 minutes on 2 cores the first time. */
export async function buildTemporal(folder: string, { signal, onProgress, env = process.env }: Options): Promise<string> {
  const started = Date.now()
  let packages = 0
  const tell = (): void => onProgress(`building the Temporal server: ${packages} packages, ${Math.round((Date.now() - started) / 1000)} s`)
  onProgress(`building the Temporal server ${TEMPORAL_VERSION} from source with Go (once, about 4 minutes on 2 cores)`)
  const timer = setInterval(tell, TELL_EVERY_MS)
  try {
    await runTool('go', ['install', '-v', '-trimpath', `-ldflags=${linkerFlags()}`, `${PACKAGE}@${TEMPORAL_VERSION}`], {
      // No cgo: the build then needs no C compiler, and the program no library of the system.
      env: { ...env, GOBIN: folder, CGO_ENABLED: '0', GOFLAGS: '' },
      timeoutMs: LIMIT_MS,
      signal,
      onLine: (line) => (packages += line.startsWith('go: ') ? 0 : 1),
    })
  } finally {
    clearInterval(timer)
  }
  return join(folder, 'temporal')
}

/** Without symbols (a third smaller), and with the version that `go install` leaves out. */
function linkerFlags(): string {
  return `-s -w -X github.com/temporalio/cli/temporalcli.Version=${TEMPORAL_VERSION.slice(1)}`
}
