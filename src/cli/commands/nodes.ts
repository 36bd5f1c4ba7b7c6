import { AimError } from '../../contracts/errors.js'
import type { Cli } from '../cli.js'
import { checkedNode, nodeArgument } from '../known-node.js'
import { silentReport, type Report } from '../output/report.js'
import { nodeReport, nodesReport } from '../views/node-status.js'

type Reasoned = { reason: string }

export async function nodeLs(cli: Cli): Promise<Report> {
  return nodesReport(await (await cli.connect()).nodeStatuses())
}

export async function nodeShow(cli: Cli, [name]: string[]): Promise<Report> {
  const nodeId = nodeArgument(name)
  const client = await cli.connect()
  return nodeReport(await checkedNode(client, nodeId, () => client.node(nodeId)))
}

export async function nodeCordon(cli: Cli, [name]: string[], { reason }: Partial<Reasoned>): Promise<Report> {
  const nodeId = nodeArgument(name)
  const client = await cli.connect()
  return nodeReport(await checkedNode(client, nodeId, () => client.cordonNode(nodeId, { reason, drain: false })))
}

export async function nodeUncordon(cli: Cli, [name]: string[]): Promise<Report> {
  const nodeId = nodeArgument(name)
  const client = await cli.connect()
  return nodeReport(await checkedNode(client, nodeId, () => client.uncordonNode(nodeId)))
}

export async function nodeQuarantine(cli: Cli, [name, gpu]: string[], { reason }: Reasoned): Promise<Report> {
  const [nodeId, index] = [nodeArgument(name), gpuArgument(gpu)]
  const client = await cli.connect()
  return nodeReport(await checkedNode(client, nodeId, () => client.quarantineGpu(nodeId, index, reason)))
}

export async function nodeClear(cli: Cli, [name, gpu]: string[]): Promise<Report> {
  const [nodeId, index] = [nodeArgument(name), gpuArgument(gpu)]
  const client = await cli.connect()
  return nodeReport(await checkedNode(client, nodeId, () => client.clearGpu(nodeId, index)))
}

/** `zone=a` sets, `rack-` removes. */
export async function nodeLabel(cli: Cli, [name, ...words]: string[]): Promise<Report> {
  const nodeId = nodeArgument(name)
  const change: { set: Record<string, string>; remove: string[] } = { set: {}, remove: [] }
  for (const word of words) {
    const [, label = '', value = ''] = /^([^=]+)=(.*)$/.exec(word) ?? []
    if (label !== '') change.set[label] = value
    else if (/^[^=]+-$/.test(word)) change.remove.push(word.slice(0, -1))
    else throw new AimError('InvalidInput', { field: 'LABEL', rule: `${word} must be name=value, or name- to remove it` })
  }
  const client = await cli.connect()
  return nodeReport(await checkedNode(client, nodeId, () => client.labelNode(nodeId, change)))
}

export async function nodeForget(cli: Cli, [name]: string[], { force = false }: { force?: boolean }): Promise<Report> {
  const nodeId = nodeArgument(name)
  const client = await cli.connect()
  await checkedNode(client, nodeId, () => client.forgetNode(nodeId, { force }))
  return silentReport(0, [`${nodeId} is forgotten; it is a node again once its worker starts`])
}

function gpuArgument(text = ''): number {
  if (!/^\d{1,3}$/.test(text)) throw new AimError('InvalidInput', { field: 'GPU', rule: 'must be the number of a GPU: aim node show' })
  return Number(text)
}
