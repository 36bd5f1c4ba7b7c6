import type { PinnedModel } from '../../src/contracts/model.js'
import { indexedFiles } from '../../src/contracts/safetensors-index.js'
import { isPickle, withoutCopies } from '../../src/domain/weight-files.js'
import type { Hub } from '../../src/ports/hub.js'
import { readJson } from './read-json.js'

const INDEX = 'model.safetensors.index.json'

/**
 * Bytes of the weights that a backend loads: the files that the safetensors index names, else all at the top of the repository. A text says
 * why they cannot be told.
 */
export async function weightBytesOf(hub: Hub, model: PinnedModel, signal?: AbortSignal): Promise<number | { unknown: string }> {
  const shards = shardsOf(model)
  const index = model.files.find(({ path }) => path === INDEX)
  const named = index === undefined ? null : indexedFiles(await readJson(hub, model, index, signal))
  if (named === null) return index === undefined ? sizeOf(shards) : { unknown: `${INDEX} has no weight_map` }
  const missing = named.find((name) => !shards.some(({ path }) => path === name))
  if (missing !== undefined) return { unknown: `${INDEX} names ${missing}, which the repository does not hold` }
  return sizeOf(shards.filter(({ path }) => named.includes(path)))
}

/** The same where no byte is read: of all weights at the top of the repository. */
export function topWeightBytes(model: PinnedModel): number {
  return sizeOf(shardsOf(model))
}

function shardsOf({ files }: PinnedModel): PinnedModel['files'] {
  const top = files.filter(({ path }) => !path.includes('/'))
  const shards = withoutCopies(top.filter(({ path }) => path.endsWith('.safetensors')))
  return shards.length > 0 ? shards : top.filter(({ path }) => isPickle(path))
}

const sizeOf = (files: PinnedModel['files']): number => files.reduce((sum, { size }) => sum + size, 0)
