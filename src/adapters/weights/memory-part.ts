import { open } from 'node:fs/promises'
import type { ModelFile } from '../../contracts/model.js'
import { Extents } from '../../domain/cache/extents.js'
import { startHash } from '../start-hash.js'
import type { PartFile } from './part-file.js'

/** Up to this size a file is verified before it reaches the disk: one request brings it, and nothing of it needs to be resumed. */
export const SMALL_BYTES = 1 << 20

/** A small file while it is being brought. */
export function memoryPart(path: string, file: ModelFile): PartFile {
  const content = Buffer.alloc(file.size)
  const extents = new Extents()
  return {
    path,
    extents,
    resumed: () => false,
    async write(bytes, at) {
      bytes.copy(content, at)
      extents.add(at, at + bytes.length)
    },
    digest: async () => startHash(file).update(content).digest('hex'),
    clear: async () => extents.clear(),
    async persist(durable) {
      const handle = await open(path, 'w')
      try {
        await handle.writeFile(content)
        if (durable) await handle.datasync()
      } finally {
        await handle.close()
      }
    },
    close: async () => {},
  }
}
