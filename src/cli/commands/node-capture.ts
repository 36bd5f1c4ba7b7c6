import type { Cli } from '../cli.js'
import type { Report } from '../output/report.js'
import { visible } from '../output/sanitize.js'

type Captured = { files: string[]; problems: { code: string; message: string }[] }

/** `aim node capture DIR`: what a tool refused to say is part of the capture, so the exit code stays 0. */
export async function nodeCapture(cli: Cli, [dir = '']: string[]): Promise<Report> {
  const { settings } = await cli.configuration()
  const { captureLocalNode } = await import('../../worker/local-node.js')
  const { files, problems }: Captured = await captureLocalNode(settings, dir)
  return {
    data: { dir, files, problems },
    names: [dir],
    text: () => `${dir}: ${files.length} ${files.length === 1 ? 'file' : 'files'}\n`,
    notes: [...problems.map(({ code, message }) => visible(`${code}: ${message}`)), `aim node inspect --from ${dir} shows it`],
  }
}
