import type { Peer } from './traffic.js'

type RepoFile = { path: string; size: number }

/** What one node brings from outside the cluster; `bytes` of all its files. */
export type Share<File> = { nodeId: string; files: File[]; bytes: number }

/** A node as a warm-up sees it: which of the files it lacks, and where others can fetch from it. Bytes are free on its cache's volume. */
export type Holder = { nodeId: string; peerUrl: string | null; missing: ReadonlySet<string>; freeBytes: number }

/**
 * Each file goes to exactly one node: the largest first, to the node that has least so far; ties by name. No node has more than the
 * size of one file above another. Without nodes nobody brings anything.
 */
export function spreadFiles<File extends RepoFile>(files: readonly File[], nodeIds: readonly string[]): Share<File>[] {
  const shares = nodeIds.toSorted().map((nodeId): Share<File> => ({ nodeId, files: [], bytes: 0 }))
  const bySize = files.toSorted((a, b) => b.size - a.size || (a.path < b.path ? -1 : 1))
  for (const file of bySize) {
    const least = shares.reduce<Share<File> | undefined>(
      (best, share) => (best === undefined || share.bytes < best.bytes ? share : best),
      undefined,
    )
    least?.files.push(file)
    if (least !== undefined) least.bytes += file.size
  }
  return shares.filter(({ files }) => files.length > 0)
}

/** Files that must come from outside: no node that others can fetch from has them. */
export function filesFromOutside<File extends RepoFile>(files: readonly File[], holders: readonly Holder[]): File[] {
  const serving = holders.filter(({ peerUrl }) => peerUrl !== null)
  return files.filter(({ path }) => serving.every(({ missing }) => missing.has(path)))
}

/** Nodes that bring files for the others: those that serve them. One without room for what it lacks does so only when none has. */
export function seeders(files: readonly RepoFile[], nodes: readonly Holder[]): string[] {
  const serving = nodes.filter(({ peerUrl }) => peerUrl !== null)
  const roomy = serving.filter(({ missing, freeBytes }) => sizeOf(files.filter(({ path }) => missing.has(path))) < freeBytes)
  return (roomy.length > 0 ? roomy : serving).map(({ nodeId }) => nodeId)
}

/** Nodes that one node may fetch from. */
export function peersOf(nodeId: string, holders: readonly { nodeId: string; peerUrl: string | null }[]): Peer[] {
  return holders.flatMap((holder) =>
    holder.peerUrl === null || holder.nodeId === nodeId ? [] : [{ nodeId: holder.nodeId, url: holder.peerUrl }],
  )
}

export const sizeOf = (files: readonly RepoFile[]): number => files.reduce((sum, { size }) => sum + size, 0)
