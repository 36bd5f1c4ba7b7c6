import { WarmRequest, type WarmResult, type WarmedNode } from '../../contracts/cache-flows.js'
import { trafficText } from '../../domain/cache/traffic.js'
import type { Cli } from '../cli.js'
import { unlessInterrupted } from '../interrupt.js'
import { listReport, type Column, type Report } from '../output/report.js'
import { bytes } from '../output/units.js'
import { follow } from '../progress/follow.js'
import { shellWords } from '../shell-words.js'
import { checked } from '../checked.js'
import { detachedFlow, leavingFlow } from '../views/flow-notes.js'

export type CacheWarmOptions = {
  ref?: string
  node?: string[]
  label?: Record<string, string>
  file?: string
  format?: 'safetensors' | 'gguf'
  verify?: boolean
  reason?: string
  detach?: boolean
  /** Milliseconds. */
  timeout?: number
}

/** How a field of the request is written on the command line. */
const FLAG_OF = { model: 'MODEL', nodes: '--node', labels: '--label', ref: '--ref', file: '--file', format: '--format', reason: '--reason' }

export async function cacheWarm(cli: Cli, [model = '']: string[], options: CacheWarmOptions): Promise<Report> {
  const { node, label, detach, timeout, ...rest } = options
  const request = checked(WarmRequest, { model, nodes: node, labels: label, ...rest }, FLAG_OF)
  const interrupts = cli.interrupts()
  const client = await unlessInterrupted(cli.connect(), interrupts, ['nothing was started'])
  const handle = await unlessInterrupted(client.warm(request), interrupts, ['it may have been started: aim cache flows'])
  const what = `warm-up of ${model}`
  if (handle.attached) cli.note(`joined the ${what} that is already running`)
  if (detach) return detachedFlow(handle)
  const result = await follow(cli, handle, {
    what,
    look: 'aim cache flows',
    ...(timeout !== undefined && { timeoutMs: timeout }),
    onLeave: leavingFlow(what, shellWords(cli.terminal.argv)),
  })
  return warmedReport(result)
}

const COLUMNS: Column<WarmedNode & { bytes: number }>[] = [
  { header: 'NODE', value: ({ nodeId }) => nodeId },
  {
    header: 'CACHE',
    value: ({ outcome, bytes: all, fetchedBytes, sources }) =>
      outcome === 'hit' || outcome === 'miss' ? trafficText({ cache: outcome, bytes: all, fetchedBytes, sources }) : outcome,
    style: ({ error }) => (error === null ? 'green' : 'red'),
    flexible: true,
  },
  { header: 'WHY', value: ({ error }) => error && `${error.code}: ${error.message}`, flexible: true },
]

function warmedReport(result: WarmResult): Report {
  const { outcome, repo, commit, bytes: all, outsideBytes, nodes } = result
  const list = listReport({
    items: nodes.map((node) => ({ ...node, bytes: all })),
    columns: COLUMNS,
    name: ({ nodeId }) => nodeId,
    empty: 'no node',
    notes: [`${outcome}: ${repo}@${commit.slice(0, 12)}, ${bytes(all)}; ${bytes(outsideBytes)} came from outside`],
    exit: outcome === 'warmed' ? 0 : 1,
  })
  return { ...list, data: result }
}
