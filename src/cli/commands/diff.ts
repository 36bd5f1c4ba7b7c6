import type { Cli } from '../cli.js'
import { listReport, type Column, type Report } from '../output/report.js'
import { parseRevision, storedRevision } from '../stored-revision.js'
import { changesBetween, factsOf, type FactChange } from '../views/changes.js'

export async function diff(cli: Cli, [a = '', b = '']: string[]): Promise<Report> {
  const [from, to] = [parseRevision(a), parseRevision(b)]
  const [before, after] = await Promise.all([
    storedRevision(cli, from.endpoint, from.revision),
    storedRevision(cli, to.endpoint, to.revision),
  ])
  const names = [before, after].map(({ endpoint, revision }) => `${endpoint}@${revision}`)
  return listReport({
    items: changesBetween(factsOf(before), factsOf(after)),
    columns: columns(names),
    name: ({ field }) => field,
    empty: `${names.join(' and ')} are the same`,
  })
}

const columns = ([a = '', b = '']: string[]): Column<FactChange>[] => [
  { header: 'FIELD', value: ({ field }) => field },
  { header: a, value: ({ from }) => from, flexible: true },
  { header: b, value: ({ to }) => to, flexible: true },
]
