/**
 * What a node worker does with weights, on a machine of its own: it serves its cache, and brings what it is told to. Settings come by the environment.
 * Prints where it serves; answers each line `{paths, peers}` with a line for the first sign of progress, where there is one, and one for the result.
 * Run as: node --import typescript-loader.mjs peer-child.ts <repo>
 */
import { createInterface } from 'node:readline'
import { createHub } from '../../src/adapters/hub/create-hub.js'
import { createSources } from '../../src/adapters/sources/sources.js'
import { createWeightStore } from '../../src/adapters/weights/create-weight-store.js'
import { loadSettings } from '../../src/config/load.js'
import { pathsOf } from '../../src/config/paths.js'
import type { Peer } from '../../src/ports/weight-source.js'
import { openPeers } from '../../src/worker/peers.js'

const [repo = ''] = process.argv.slice(2)
const { settings } = loadSettings()
const { hubCache, partials } = pathsOf(settings)
const hub = createHub({ endpoint: settings.hubEndpoint, token: async () => null })
const store = createWeightStore({ ...createSources(settings, hub), hubCache, partials, stallMs: 1_000, retry: { baseMs: 50, maxMs: 200 } })
const peers = await openPeers(settings, { onStep: (line) => process.stderr.write(`${line}\n`) })
print({ nodeId: settings.nodeId, url: peers?.url })

for await (const line of createInterface(process.stdin)) {
  const wanted = JSON.parse(line) as { paths: string[]; peers: Peer[]; tell: boolean }
  const model = await hub.pin(repo, 'main')
  let silent = !wanted.tell
  const weights = await store.ensure(
    model,
    model.files.filter(({ path }) => wanted.paths.includes(path)),
    {
      peers: wanted.peers,
      onProgress({ doneBytes, totalBytes }) {
        if (silent || doneBytes === 0) return
        silent = true
        print({ doneBytes, totalBytes })
      },
    },
  )
  print({ path: weights.path, sources: weights.sources })
}
await peers?.close()

function print(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}
