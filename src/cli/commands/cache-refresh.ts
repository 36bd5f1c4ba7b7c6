import type { Refreshed, RefreshResult, RefreshedNode } from '../../contracts/cache-flows.js'
import type { Cli } from '../cli.js'
import { unlessInterrupted } from '../interrupt.js'
import { listReport, type Column, type Report } from '../output/report.js'
import { bytes } from '../output/units.js'
import { follow } from '../progress/follow.js'
import { shellWords } from '../shell-words.js'
import { detachedFlow, leavingFlow } from '../views/flow-notes.js'
import { refreshRequest, type RefreshOptions } from './refresh-options.js'

export type CacheRefreshOptions = RefreshOptions & { detach?: boolean; timeout?: number }

export async function cacheRefresh(cli: Cli, _: string[], options: CacheRefreshOptions): Promise<Report> {
  const request = refreshRequest(options)
  const interrupts = cli.interrupts()
  const client = await unlessInterrupted(cli.connect(), interrupts, ['nothing was started'])
  const handle = await unlessInterrupted(client.refresh(request), interrupts, ['it may have been started: aim cache flows'])
  const what = 'refresh of the caches'
  if (handle.attached) cli.note(`joined the ${what} that is already running`)
  if (options.detach) return detachedFlow(handle)
  const result = await follow(cli, handle, {
    what,
    look: 'aim cache flows',
    ...(options.timeout !== undefined && { timeoutMs: options.timeout }),
    onLeave: leavingFlow(what, shellWords(cli.terminal.argv)),
  })
  return refreshedReport(result)
}

const COLUMNS: Column<RefreshedNode>[] = [
  { header: 'NODE', value: ({ nodeId }) => nodeId },
  { header: 'STATE', value: ({ outcome }) => outcome, style: ({ error }) => (error === null ? 'green' : 'red') },
  { header: 'FREED', value: ({ pruned }) => pruned && bytes(pruned.freedBytes), align: 'right' },
  { header: 'IN CACHE', value: ({ pruned }) => pruned && bytes(pruned.bytes), align: 'right' },
  { header: 'PROVED', value: ({ verified }) => verified && bytes(verified.checkedBytes), align: 'right' },
  {
    header: 'BAD',
    value: ({ verified }) => verified && badText(verified),
    style: ({ verified }) => (verified?.bad ? 'yellow' : undefined),
  },
  { header: 'WHY', value: ({ error }) => error && `${error.code}: ${error.message}`, flexible: true },
]

function badText({ bad, repaired }: NonNullable<RefreshedNode['verified']>): string {
  return bad === 0 ? '0' : `${bad}, ${repaired} repaired`
}

function refreshedReport(result: RefreshResult): Report {
  const { outcome, unchanged, followed, prewarmed, nodes } = result
  const list = listReport({
    items: nodes,
    columns: COLUMNS,
    name: ({ nodeId }) => nodeId,
    empty: 'no node',
    notes: [
      `${outcome}: ${unchanged} branches unchanged`,
      ...followed.map((each) => `moved: ${warmedText(each)}`),
      ...prewarmed.map((each) => `ahead: ${warmedText(each)}`),
      ...nodes.filter(({ pruned }) => (pruned?.shortBytes ?? 0) > 0).map(shortText),
    ],
    exit: outcome === 'refreshed' ? 0 : 1,
  })
  return { ...list, data: result }
}

function warmedText({ model, ref, file, commit, outcome, error }: Refreshed): string {
  const what = `${model}@${ref}${file === null ? '' : `:${file}`}`
  return `${what} ${error === null ? `${outcome} at ${commit?.slice(0, 12)}` : `failed: ${error.message}`}`
}

function shortText({ nodeId, pruned }: RefreshedNode): string {
  return `${nodeId}: ${bytes(pruned?.shortBytes ?? 0)} more were to go, and nothing may be removed for them`
}
