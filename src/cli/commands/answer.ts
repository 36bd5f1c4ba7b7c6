import type { Cli } from '../cli.js'
import { checkedName } from '../endpoint-name.js'
import { unlessInterrupted } from '../interrupt.js'
import { recordReport, type Report } from '../output/report.js'

export type AnswerOptions = { reason?: string }

export const approve = (cli: Cli, names: string[], options: AnswerOptions): Promise<Report> => answer(cli, names, options, true)
export const reject = (cli: Cli, names: string[], options: AnswerOptions): Promise<Report> => answer(cli, names, options, false)

/** Answers what a deploy asks before it drops the precision or changes the hardware. */
async function answer(cli: Cli, [name = '']: string[], { reason }: AnswerOptions, yes: boolean): Promise<Report> {
  const endpoint = checkedName(name)
  const interrupts = cli.interrupts()
  const client = await unlessInterrupted(cli.connect(), interrupts, ['nothing was answered'])
  const unsure = [`it may have been answered: aim status ${endpoint}`]
  const answered = await unlessInterrupted(client.answer(endpoint, yes, reason), interrupts, unsure)
  return recordReport({
    data: answered,
    name: endpoint,
    fields: () => [
      ['endpoint', endpoint],
      ['question', answered.question],
      ['answer', answered.answer],
    ],
    notes: [`next: aim status ${endpoint} -w`],
  })
}
