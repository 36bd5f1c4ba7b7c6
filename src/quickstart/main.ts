import { once as onceEvent } from 'node:events'
import { spawn } from 'node:child_process'
import { createHub } from '../adapters/hub/create-hub.js'
import { withTimeLimit } from '../adapters/time-limit.js'
import { compiledFile } from '../adapters/compiled.js'
import { freePorts, isPortFree } from '../config/free-ports.js'
import { pathsOf } from '../config/paths.js'
import { readSecret } from '../config/secrets.js'
import type { Settings } from '../config/settings.js'
import { readStackFile } from '../config/stack-file.js'
import { AimError, isAimError } from '../contracts/errors.js'
import { SAMPLE_MODEL, sampleWeights, type SampleProgress } from './sample-weights.js'

export type QuickstartOptions = { once: boolean; out: NodeJS.WritableStream; note: (line: string) => void; signal: AbortSignal }

const ENDPOINT = 'smollm2'
const QUESTION = 'What is the capital of France?'
/** Without one, the template of this very small model brings its own, with which it rambles. */
const SYSTEM = 'You are a helpful assistant.'
/** Time for the hub to answer before the packaged weights are used. */
const HUB_LIMIT_MS = 8_000

/**
 * A small model in service on this machine, by the very commands that a person would type. `once` stops all of it again.
 * A stack that runs already is used and left running.
 */
export async function runQuickstart(settings: Settings, options: QuickstartOptions): Promise<void> {
  const { once, note } = options
  const before = readStackFile(pathsOf(settings).stackFile)
  const env = { ...process.env, AIM_HOME: settings.home, ...(before === null && (await hubEnvironment(settings, options))) }
  const aim = (...argv: string[]) => runAim(argv, env, options)
  if (before === null) await aim('up', '--detach', ...(await portFlags(settings)))
  try {
    await showModel(aim)
    note(`Temporal UI: ${readStackFile(pathsOf(settings).stackFile)?.uiUrl ?? 'that of your own cluster'}`)
    if (once) await aim('stop', ENDPOINT)
  } finally {
    if (once && before === null) await aim('down', '--engines', '--yes')
  }
  if (!once) for (const line of NEXT) note(line)
}

async function showModel(aim: (...argv: string[]) => Promise<void>): Promise<void> {
  const { repo, commit, file } = SAMPLE_MODEL
  await aim('deploy', repo, '--name', ENDPOINT, '--ref', commit, '--file', file, '--backend', 'llamacpp', '--yes')
  await aim('chat', ENDPOINT, QUESTION, '--system', SYSTEM, '--max-tokens', '48', '--temperature', '0')
}

const NEXT = [
  'what to try next:',
  `  aim chat ${ENDPOINT} "Tell me a joke."   ask it something else (npx aim, in this folder)`,
  `  aim status ${ENDPOINT}                   what serves, where, since when`,
  `  aim history ${ENDPOINT}                  who deployed what, and how it went`,
  `  aim logs ${ENDPOINT} --follow            what the engine says`,
  `  aim stop ${ENDPOINT} && aim down         stop all of it`,
]

/** The hub of the settings when it has the model; else the same bytes out of a Python package, served in the same protocol by the stack. */
async function hubEnvironment(settings: Settings, { note, signal }: QuickstartOptions): Promise<Record<string, string>> {
  const hub = createHub({ endpoint: settings.hubEndpoint, token: () => readSecret(settings.hubToken) })
  try {
    await withTimeLimit(HUB_LIMIT_MS, signal, (limit) => hub.pin(SAMPLE_MODEL.repo, SAMPLE_MODEL.commit, limit))
    return {}
  } catch (error) {
    signal.throwIfAborted()
    note(
      `the hub cannot be used (${isAimError(error) ? error.message : String(error)}); taking the weights from the Python package ${SAMPLE_MODEL.package}`,
    )
  }
  const onProgress = ({ step, doneBytes, totalBytes }: SampleProgress) => {
    if (step !== 'downloading' || doneBytes === totalBytes) note(`weights: ${step}`)
  }
  const { dir } = await sampleWeights({ cacheDir: settings.cacheDir, signal, onProgress })
  return { AIM_HUB_DIR: dir }
}

/** The ports of the settings, or free ones in place of those that are taken. */
async function portFlags({ temporalPort, uiPort, apiPort }: Settings): Promise<string[]> {
  const spare = await freePorts(3)
  const wanted = Object.entries({ '--temporal-port': temporalPort, '--ui-port': uiPort, '--api-port': apiPort })
  const flags = wanted.map(async ([flag, port], index) => [flag, String((await isPortFree(port)) ? port : spare[index])])
  return (await Promise.all(flags)).flat()
}

async function runAim(argv: string[], env: NodeJS.ProcessEnv, { out, note }: QuickstartOptions): Promise<void> {
  note(`$ aim ${argv.map((word) => (/\s/.test(word) ? JSON.stringify(word) : word)).join(' ')}`)
  const child = spawn(process.execPath, [compiledFile('cli/main.js'), ...argv], {
    env,
    stdio: ['inherit', out === process.stdout ? 'inherit' : 'pipe', 'inherit'],
  })
  child.stdout?.pipe(out, { end: false })
  const [code, signal] = (await onceEvent(child, 'exit')) as [number | null, string | null]
  if (code !== 0) throw new AimError('QuickstartFailed', { command: `aim ${argv[0]}`, how: signal ?? `exit code ${code}` })
}
