import type { DeploymentHistory } from '../../ports/records.js'
import { AimError, isAimError } from '../../contracts/errors.js'
import { engineKeyName, type EngineKey, type EngineState } from '../../domain/engine.js'
import { fetchHistory } from '../api.js'
import type { Cli } from '../cli.js'
import { checkedName } from '../endpoint-name.js'
import { Interrupted, pause } from '../interrupt.js'
import { knownEndpoint } from '../known-endpoint.js'
import { copySlice, newSlices, tailSlices, type LogSlice } from '../log-file.js'
import { silentReport, type Report } from '../output/report.js'

export type LogsOptions = { follow?: boolean; tail: number; previous?: boolean }

type LocalEngine = { key: EngineKey; state: EngineState; logFile: string }

const POLL_MS = 250
/** Looking at the process costs more than looking at the file. */
const ALIVE_EVERY = 8

export async function logs(cli: Cli, [name = '']: string[], options: LogsOptions): Promise<Report> {
  const endpoint = checkedName(name)
  const engines = await enginesHere(cli, endpoint)
  const engine = engines.at(options.previous ? -2 : -1)
  const runsHere = engine?.state.phase === 'running' || options.previous
  const doubt = runsHere ? null : await refuseIfElsewhere(cli, endpoint)
  if (engine === undefined) return keptLog(cli, endpoint, options, doubt)
  if (doubt !== null) cli.note(`(${doubt.message})`)
  return options.follow ? followLog(cli, endpoint, engine, options.tail) : printLog(endpoint, engine, options.tail)
}

/** Engines of the endpoint that this machine knows, oldest first. */
async function enginesHere(cli: Cli, endpoint: string): Promise<LocalEngine[]> {
  const { settings } = await cli.configuration()
  const { localEngines } = await import('../../worker/local-engines.js')
  const engines: LocalEngine[] = await localEngines(settings)
  return engines
    .filter(({ key, state }) => key.endpoint === endpoint && state.phase !== 'absent')
    .toSorted((a, b) => a.key.fence - b.key.fence || a.key.launch - b.key.launch)
}

/** Throws OtherNode when the endpoint's engine runs on another machine. Returns why that is not known: then we have what is here. */
async function refuseIfElsewhere(cli: Cli, endpoint: string): Promise<AimError | null> {
  const { settings } = await cli.configuration()
  try {
    const client = await cli.connect()
    const { view } = await knownEndpoint(client, endpoint)
    const node = view?.replica?.nodeId
    if (node === undefined || node === settings.nodeId) return null
    throw new AimError('OtherNode', { what: `the engine of ${endpoint}`, node, here: settings.nodeId, command: `aim logs ${endpoint}` })
  } catch (error) {
    if (!isAimError(error) || error.code === 'OtherNode') throw error
    return error
  }
}

async function printLog(endpoint: string, engine: LocalEngine, lines: number): Promise<Report> {
  const chunks: Buffer[] = []
  for (const slice of await tailSlices(engine.logFile, lines)) await copySlice(slice, (bytes) => chunks.push(bytes))
  const text = Buffer.concat(chunks)
  return {
    data: { endpoint, engine: engineKeyName(engine.key), state: engine.state.phase, file: engine.logFile, lines: linesOf(text) },
    names: [engine.logFile],
    text: () => text.toString('utf8'),
    notes: endNotes(engine.state),
  }
}

/** Streams as the log grows; with JSON one object a line. Ends with the engine, or throws Interrupted. */
async function followLog(cli: Cli, endpoint: string, engine: LocalEngine, lines: number): Promise<Report> {
  const interrupts = cli.interrupts()
  const write = lineWriter(cli)
  let position = 0
  const copy = async (slices: LogSlice[]): Promise<void> => {
    for (const slice of slices) {
      await copySlice(slice, write)
      position = slice.end
    }
  }
  await copy(await tailSlices(engine.logFile, lines))
  for (let round = 1; !interrupts.aborted; round++) {
    await pause(POLL_MS, interrupts)
    const state = round % ALIVE_EVERY === 0 ? await stateOf(cli, endpoint, engine) : engine.state
    const slices = await newSlices(engine.logFile, position)
    if (slices === null) return silentReport(0, endNotes({ phase: 'absent' }))
    await copy(slices)
    if (state.phase !== 'running') return silentReport(0, endNotes(state))
  }
  throw new Interrupted()
}

async function stateOf(cli: Cli, endpoint: string, { key }: LocalEngine): Promise<EngineState> {
  const name = engineKeyName(key)
  const found = (await enginesHere(cli, endpoint)).find((engine) => engineKeyName(engine.key) === name)
  return found?.state ?? { phase: 'absent' }
}

function lineWriter({ format, terminal }: Cli): (bytes: Buffer) => void {
  const { stdout } = terminal
  if (format !== 'json' && format !== 'jsonl') return (bytes) => stdout.write(bytes)
  let rest = ''
  return (bytes) => {
    const lines = (rest + bytes.toString('utf8')).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) stdout.write(`${JSON.stringify({ line })}\n`)
  }
}

/** The engine has gone, or never came up here: its last lines were kept with the attempt that started it. */
async function keptLog(cli: Cli, endpoint: string, { tail, previous }: LogsOptions, doubt: AimError | null): Promise<Report> {
  const { settings, paths } = await cli.configuration()
  const attempts = await fetchHistory(settings, paths, endpoint, 20).then(attemptsOf, (error: unknown) => {
    throw doubt ?? new AimError('NotFound', { what: `a log of ${endpoint} on this machine` }, { cause: error })
  })
  const attempt = attempts.at(previous ? 1 : 0)
  // Of an attempt that came up only a failure is kept.
  if (attempt === undefined || attempt.logTail.length === 0)
    throw doubt ?? new AimError('NotFound', { what: `a log of ${previous ? 'the engine before the present one' : endpoint}` })
  const lines = attempt.logTail.slice(Number.isFinite(tail) ? -tail : 0)
  return {
    data: { endpoint, engine: attempt.engine, state: attempt.outcome, file: null, lines },
    names: [attempt.engine],
    text: () => lines.map((line) => `${line}\n`).join(''),
    notes: [
      `the engine is gone; these lines were kept with attempt ${attempt.number} of ${attempt.workflowId}, which ended ${attempt.endedAt}`,
    ],
  }
}

/** Newest first. */
function attemptsOf(history: DeploymentHistory[]): DeploymentHistory['attempts'] {
  return history.flatMap(({ attempts }) => attempts.toReversed())
}

function linesOf(text: Buffer): string[] {
  const lines = text.toString('utf8').split('\n')
  return lines.at(-1) === '' ? lines.slice(0, -1) : lines
}

function endNotes(state: EngineState): string[] {
  if (state.phase === 'running') return []
  if (state.phase === 'absent') return ['the engine was stopped']
  const how = state.signal === null ? `exit code ${state.code ?? 'unknown'}` : `signal ${state.signal}`
  return [`the engine ended (${how})${state.endedAt === null ? '' : ` at ${state.endedAt}`}`]
}
