import type { NodeInspection } from '../node.js'
import type { Candidate } from '../plan.js'

/** How many nodes a line names. */
const NAMED = 3

/**
 * A line for each version of a backend on the nodes of these placements that is another than the one their flags were written for. Patches add
 * no flags: only major and minor count. What is no version (`assumed`) is not compared.
 */
export function otherVersions(placed: Pick<Candidate, 'backend' | 'version' | 'node'>[], nodes: NodeInspection[]): string[] {
  const readiness = new Map(nodes.map(({ nodeId, backends }) => [nodeId, backends]))
  const lines = new Map<string, { found: string; written: string; on: Set<string> }>()
  for (const { backend, version, node } of placed) {
    const entry = readiness.get(node)?.find((ready) => ready.backend === backend)
    if (version === null || entry?.ready !== true || !differ(version, entry.version)) continue
    const found = `${backend} ${entry.version}`
    const line = lines.get(`${found} ${version}`) ?? { found, written: version, on: new Set() }
    lines.set(`${found} ${version}`, line)
    line.on.add(node)
  }
  return [...lines.values()].map(
    ({ found, written, on }) => `${found} on ${named([...on])}: recipes are checked for ${written}; flags may be unknown to it`,
  )
}

/** Whether two versions of a backend differ by more than a patch; what is no version differs from nothing. */
export function differ(a: string, b: string): boolean {
  const [one, other] = [minorOf(a), minorOf(b)]
  return one !== null && other !== null && one !== other
}

/** `0.32` of `v0.32.0+cpu`; null: not a version. */
function minorOf(version: string): string | null {
  const [, major, minor] = /^v?(\d+)\.(\d+)(?!\d)/.exec(version) ?? []
  return major === undefined || minor === undefined ? null : `${Number(major)}.${Number(minor)}`
}

function named(nodes: string[]): string {
  const words = nodes.slice(0, NAMED).join(', ')
  const prefix = nodes.length === 1 ? 'node' : 'nodes'
  return nodes.length > NAMED ? `${prefix} ${words} and ${nodes.length - NAMED} more` : `${prefix} ${words}`
}
