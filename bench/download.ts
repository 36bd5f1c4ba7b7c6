import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { indexFigure, warmFigure } from './download/cache.js'
import { memoryFigure } from './download/memory.js'
import { BIG, SHARDS, writeModels } from './download/models.js'
import { nodesFigure } from './download/nodes.js'
import { resumeFigure } from './download/resume.js'
import { startDownloadServer } from './download/server.js'
import { speedFigures } from './download/speed.js'
import type { Bench } from './figure.js'

/** Downloads over loopback from a hub whose bytes nginx serves, beside the clients that people use today. */
export const download: Bench = {
  name: 'download',
  about: 'verified downloads against hf, @huggingface/hub, aria2 and curl; needs nginx, aria2c, curl, hf, and 60 GB of disk',
  async run(note) {
    const folder = mkdtempSync(join(tmpdir(), 'aim-download-'))
    const [dir, out] = [join(folder, 'served'), join(folder, 'out')]
    try {
      note('writing models of 4 GiB')
      writeModels(dir)
      const server = await startDownloadServer(dir, join(folder, 'nginx'))
      try {
        // The hub hashes what it serves when it is first asked: not ours to measure.
        for (const { repo } of [BIG, SHARDS])
          await (await fetch(`${server.fast}/api/models/${repo}/revision/main?blobs=true`)).arrayBuffer()
        return [
          ...(await speedFigures(server, out, note)),
          await resumeFigure(server.capped, out, note),
          await nodesFigure(dir, join(folder, 'nodes'), note),
          await memoryFigure(server.fast, dir, out, note),
          await warmFigure(note),
          await indexFigure(note),
        ]
      } finally {
        await server.close()
      }
    } finally {
      rmSync(folder, { recursive: true })
    }
  },
}
