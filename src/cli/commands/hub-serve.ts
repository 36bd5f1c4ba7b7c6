import type { Cli } from '../cli.js'
import { aborted } from '../interrupt.js'
import { recordReport, silentReport, type Report } from '../output/report.js'

export type HubServeOptions = { host: string; port: number }

/** Serves until Ctrl-C. */
export async function hubServe(cli: Cli, [dir = '']: string[], { host, port }: HubServeOptions): Promise<Report> {
  const interrupts = cli.interrupts()
  const { startHubServer } = await import('../../hub-server/start.js')
  const server = await startHubServer({ dir, host, port, onRefused: (path, reason) => cli.note(`left out: ${path}: ${reason}`) })
  await cli.print(
    recordReport({
      data: { dir, url: server.url },
      name: server.url,
      fields: () => [
        ['serves', dir],
        ['url', server.url],
      ],
      notes: [`next: HF_ENDPOINT=${server.url} aim up`, 'Ctrl-C ends it'],
    }),
  )
  await aborted(interrupts)
  await server.close()
  return silentReport()
}
