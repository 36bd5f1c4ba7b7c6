import type { AimClient } from '../../client/types.js'
import { AimError } from '../../contracts/errors.js'
import type { NodeView } from '../../contracts/node-owner.js'
import type { Cli } from '../cli.js'
import { Interrupted, pause, unlessInterrupted } from '../interrupt.js'
import { checkedNode, nodeArgument } from '../known-node.js'
import type { Report } from '../output/report.js'
import { duration } from '../output/units.js'
import { leftText, namesLeft, nodeReport } from '../views/node-status.js'

/** Times in ms. */
export type NodeDrainOptions = { reason?: string; detach?: boolean; timeout?: number }

const LOOK_MS = 1_000

/** Endpoints move away by themselves; leaving the command stops none of it. */
export async function nodeDrain(cli: Cli, [name]: string[], { reason, detach, timeout }: NodeDrainOptions): Promise<Report> {
  const nodeId = nodeArgument(name)
  const client = await cli.connect()
  const view = await checkedNode(client, nodeId, () => client.cordonNode(nodeId, { reason, drain: true }))
  return detach ? nodeReport(view, [`left: ${leftText(view)}; aim node show ${nodeId} tells what is`]) : follow(cli, client, view, timeout)
}

async function follow(cli: Cli, client: AimClient, first: NodeView, timeoutMs = Number.POSITIVE_INFINITY): Promise<Report> {
  const { nodeId } = first
  const interrupts = cli.interrupts()
  const leaving = [`the drain of ${nodeId} goes on; see: aim node show ${nodeId}; end it: aim node uncordon ${nodeId}`]
  const deadline = cli.terminal.now() + timeoutMs
  let told = ''
  for (let view = first; ; view = await unlessInterrupted(client.node(nodeId), interrupts, leaving)) {
    if (view.leases.length === 0) return nodeReport(view)
    const left = await unlessInterrupted(whyLeft(client, view), interrupts, leaving)
    if (left !== told) cli.note(`left on ${nodeId}: ${left}`)
    told = left
    if (cli.terminal.now() >= deadline) {
      throw new AimError('Timeout', { what: `drain of ${nodeId}`, after: duration(timeoutMs), look: `aim node show ${nodeId}` })
    }
    await pause(LOOK_MS, interrupts)
    if (interrupts.aborted) throw new Interrupted(leaving)
  }
}

/** What is left, and what each endpoint says that it does about it: one that can go nowhere says why. */
async function whyLeft(client: AimClient, view: NodeView): Promise<string> {
  const lines = namesLeft(view).map(async (name) => {
    const next = await client.endpoint(name).then(
      (status) => status.view?.next ?? null,
      () => null, // it has just been stopped, or nobody can tell now
    )
    return next === null ? name : `${name} (${next})`
  })
  return (await Promise.all(lines)).join(', ')
}
