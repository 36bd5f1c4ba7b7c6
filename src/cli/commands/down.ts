import { isAlive, readStackFile, type StackFile } from '../../config/stack-file.js'
import type { Cli } from '../cli.js'
import { confirm } from '../confirm.js'
import { Interrupted, pause, unlessInterrupted } from '../interrupt.js'
import { recordReport, silentReport, type Report } from '../output/report.js'
import { duration } from '../output/units.js'
import { HEARTBEAT_MS } from '../progress/plain.js'
import { undeploy } from './stop.js'

export type DownOptions = { engines?: boolean; dryRun?: boolean; yes?: boolean }

const POLL_MS = 100

export async function down(cli: Cli, _args: string[], { engines = false, dryRun = false, yes = false }: DownOptions): Promise<Report> {
  const { paths } = await cli.configuration()
  const stack = readStackFile(paths.stackFile)
  if (stack === null) return downReport({ outcome: 'absent', pid: null, undeployed: [], enginesLeft: await enginesLeft(cli) })
  const names = engines ? await endpointNames(cli) : []
  if (dryRun)
    return downReport({ outcome: 'dry run', pid: stack.pid, undeployed: names, enginesLeft: engines ? [] : await enginesLeft(cli) })
  if (names.length > 0 && !yes) {
    for (const name of names) cli.terminal.stderr.write(`  ${name}\n`)
    if (!(await confirm(cli, `undeploying ${names.length === 1 ? 'this endpoint' : `these ${names.length} endpoints`}`))) {
      return silentReport(1, ['nothing was stopped'])
    }
  }
  // One after the other: exactly the list that was shown, and each with its own steps on the screen.
  for (const endpoint of names) await undeploy(cli, await cli.connect(), { endpoint, reason: 'aim down --engines' })
  await end(cli, stack)
  return downReport({ outcome: 'stopped', pid: stack.pid, undeployed: names, enginesLeft: await enginesLeft(cli) })
}

async function endpointNames(cli: Cli): Promise<string[]> {
  const client = await unlessInterrupted(cli.connect(), cli.interrupts(), ['nothing was stopped'])
  return (await client.endpoints()).map(({ endpoint }) => endpoint)
}

/** SIGTERM to exactly the process that wrote the file, and waits for its end. It drains, so it takes what it takes; Ctrl-C leaves the wait. */
async function end(cli: Cli, stack: StackFile): Promise<void> {
  const interrupts = cli.interrupts()
  const { now } = cli.terminal
  if (isAlive(stack)) process.kill(stack.pid, 'SIGTERM')
  const started = now()
  for (let next = started + HEARTBEAT_MS; isAlive(stack);) {
    if (interrupts.aborted) throw new Interrupted([`pid ${stack.pid} is still stopping; aim down waits for it again`])
    if (now() >= next) {
      cli.note(`pid ${stack.pid} is still stopping after ${duration(now() - started)}`)
      next += HEARTBEAT_MS
    }
    await pause(POLL_MS, interrupts)
  }
}

/** Endpoints whose engines still run on this machine. */
async function enginesLeft(cli: Cli): Promise<string[]> {
  const { settings } = await cli.configuration()
  const { localEngines } = await import('../../worker/local-engines.js')
  const running = (await localEngines(settings)).filter(({ state }) => state.phase === 'running')
  return [...new Set(running.map(({ key }) => key.endpoint))].toSorted()
}

type Down = { outcome: 'stopped' | 'absent' | 'dry run'; pid: number | null; undeployed: string[]; enginesLeft: string[] }

const STATES: Record<Down['outcome'], string> = { stopped: 'stopped', absent: 'was not running', 'dry run': 'running, would be stopped' }

function downReport(data: Down): Report {
  const { outcome, pid, undeployed, enginesLeft } = data
  const verb = outcome === 'dry run' ? 'would undeploy' : 'undeployed'
  return recordReport({
    data,
    name: pid === null ? null : String(pid),
    fields: () => [
      ['state', STATES[outcome]],
      ['pid', pid === null ? null : String(pid)],
      [verb, undeployed.length === 0 ? null : undeployed.join(', ')],
      ['still serve', enginesLeft.length === 0 ? null : enginesLeft.join(', ')],
    ],
    notes: [
      ...(outcome === 'dry run' ? ['dry run: nothing was changed'] : []),
      ...(enginesLeft.length > 0 && outcome !== 'dry run' ? ['engines were left alone; `aim up` takes them over again'] : []),
    ],
  })
}
