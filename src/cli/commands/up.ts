import { readStackFile, type StackFile } from '../../config/stack-file.js'
import { AimError } from '../../contracts/errors.js'
import type { Cli } from '../cli.js'
import { startDetached } from '../detached-stack.js'
import { recordReport, silentReport, type Report } from '../output/report.js'

export type UpOptions = { detach?: boolean; temporalPort?: number; uiPort?: number; apiPort?: number }

export async function up(cli: Cli, _args: string[], { detach, ...ports }: UpOptions): Promise<Report> {
  const { settings, paths } = await cli.configuration(ports)
  const running = readStackFile(paths.stackFile)
  if (detach) {
    if (running !== null) return stackReport(running, [`already running (pid ${running.pid})`])
    const stack = await startDetached(cli, paths, flagsOf(ports))
    return stackReport(stack, [`log: ${paths.stackLog}`, 'next: aim deploy org/name', '      aim down'])
  }
  if (running !== null) throw new AimError('AlreadyRunning', { what: 'AIM Engine', pid: running.pid })
  const { runStack } = await import('../../worker/stack.js')
  const signal = cli.interrupts()
  signal.addEventListener('abort', () => cli.note('stopping; engines are left alone and go on serving'))
  await runStack(settings, {
    signal,
    onStep: cli.note,
    onReady: (stack) =>
      cli.print(stackReport(stack, ['next: aim deploy org/name (in another terminal)', 'Ctrl-C stops this and leaves engines alone'])),
  })
  return silentReport(0, ['stopped; `aim up` finds everything again'])
}

function flagsOf({ temporalPort, uiPort, apiPort }: UpOptions): string[] {
  const flags = { '--temporal-port': temporalPort, '--ui-port': uiPort, '--api-port': apiPort }
  return Object.entries(flags).flatMap(([flag, port]) => (port === undefined ? [] : [flag, String(port)]))
}

function stackReport(stack: StackFile, notes: string[]): Report {
  return recordReport({
    data: stack,
    name: stack.address,
    fields: () => [
      ['state', 'running', 'green'],
      ['temporal', `${stack.address} (namespace ${stack.namespace})`],
      ['ui', stack.uiUrl],
      ['api', stack.apiUrl],
      ['hub', stack.hubUrl],
      ['pid', String(stack.pid)],
    ],
    notes,
  })
}
