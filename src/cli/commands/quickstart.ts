import type { Cli } from '../cli.js'
import { silentReport, type Report } from '../output/report.js'

export type QuickstartOptions = { once?: boolean }

export async function quickstart(cli: Cli, _args: string[], { once = false }: QuickstartOptions): Promise<Report> {
  const { settings } = await cli.configuration()
  const { runQuickstart } = await import('../../quickstart/main.js')
  await runQuickstart(settings, { once, out: cli.terminal.stdout, note: cli.note, signal: cli.interrupts() })
  return silentReport()
}
