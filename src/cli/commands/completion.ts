import type { Cli } from '../cli.js'
import { COMPLETION_SCRIPTS, type Shell } from '../completion/scripts.js'
import type { Report } from '../output/report.js'

export async function completion(_cli: Cli, [shell = 'bash']: string[]): Promise<Report> {
  const script = COMPLETION_SCRIPTS[shell as Shell]
  return { data: { shell, script }, names: [shell], text: () => script }
}
