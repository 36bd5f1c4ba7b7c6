/**
 * A process of its own that brings one model, to be killed by a test. Prints a JSON line when it begins, one when it
 * sees the download well under way, and one at the end.
 * Run as: node --import typescript-loader.mjs download-child.ts <endpoint> <repo> <hubCache> <partials>
 */
import { createHub } from '../../src/adapters/hub/create-hub.js'
import { hubSource } from '../../src/adapters/sources/hub-source.js'
import { createWeightStore } from '../../src/adapters/weights/create-weight-store.js'

const [endpoint = '', repo = '', hubCache = '', partials = ''] = process.argv.slice(2)
const hub = createHub({ endpoint, token: async () => null })
const store = createWeightStore({ sources: () => [hubSource(hub)], hubCache, partials })
const model = await hub.pin(repo, 'main')
print({ began: model.commit })
let told = false
const weights = await store.ensure(model, model.files, {
  onProgress({ doneBytes, totalBytes }) {
    if (told || doneBytes < totalBytes * 0.4 || doneBytes === totalBytes) return
    told = true
    print({ saw: doneBytes })
  },
})
print({ fetchedBytes: weights.fetchedBytes, cache: weights.cache })

function print(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}
