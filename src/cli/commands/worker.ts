import type { Settings } from '../../config/settings.js'
import type { Cli } from '../cli.js'
import { silentReport, type Report } from '../output/report.js'

/** Runs until Ctrl-C; what it was doing is taken up by another worker. */
export async function worker(cli: Cli): Promise<Report> {
  const { settings } = await cli.configuration()
  const { runControlWorker } = await import('../../worker/control.js')
  await runControlWorker(settings, { onStep: cli.note, signal: cli.interrupts() })
  return silentReport(0, ['the control worker has ended'])
}

/** Runs until Ctrl-C; engines on this machine go on. */
export async function node(cli: Cli, _args: string[], { simulate, id }: { simulate?: string; id?: string }): Promise<Report> {
  const { settings } = await cli.configuration({ simulate, nodeId: id })
  await refuseNoCapture(settings)
  const { runNodeWorker } = await import('../../worker/node.js')
  await runNodeWorker(settings, { onStep: cli.note, signal: cli.interrupts() })
  return silentReport(0, ['the node worker has ended; its engines go on'])
}

/** A virtual node without its folder of captures would be found out only when it is looked at. */
async function refuseNoCapture(settings: Settings): Promise<void> {
  if (settings.simulate === undefined) return
  const { inspectNode } = await import('../../worker/local-node.js')
  await inspectNode(settings)
}
