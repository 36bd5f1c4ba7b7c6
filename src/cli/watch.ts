import type { Cli } from './cli.js'
import { Interrupted, pause, unlessInterrupted } from './interrupt.js'
import type { Report } from './output/report.js'
import { render } from './output/render.js'
import { paintFor } from './output/style.js'

const EVERY_MS = 500

/**
 * Shows a report again whenever it changes, until Ctrl-C: in place on a terminal, one after the other elsewhere
 * (JSON as one object a line). Ends with the error of a look that fails.
 */
export async function watch(cli: Cli, look: () => Promise<Report>): Promise<Report> {
  const interrupts = cli.interrupts()
  const { stdout } = cli.terminal
  const inPlace = stdout.isTTY === true && (cli.format === 'table' || cli.format === 'wide')
  let last = ''
  let drawnLines = 0
  while (!interrupts.aborted) {
    const report = await unlessInterrupted(look(), interrupts)
    const text = await textOf(cli, report)
    // On a terminal the age of things may tick; a file gets a new entry only for news.
    const seen = inPlace ? text : JSON.stringify(report.data)
    if (seen !== last) {
      if (inPlace && drawnLines > 0) stdout.write(`\u001b[${drawnLines}A\r\u001b[J`)
      stdout.write(text)
      drawnLines = text.split('\n').length - 1
      last = seen
    }
    await pause(EVERY_MS, interrupts)
  }
  throw new Interrupted()
}

async function textOf(cli: Cli, report: Report): Promise<string> {
  const { terminal, flags, format } = cli
  const { stdout, env } = terminal
  const width = stdout.isTTY ? (stdout.columns ?? 80) : null
  const view = { paint: paintFor(stdout, env, flags.color), width, time: flags.time, now: terminal.now() }
  if (format === 'json') return `${JSON.stringify(report.data)}\n`
  const text = await render(report, format, view)
  return text === '' && report.notes ? `${report.notes.join('\n')}\n` : text
}
