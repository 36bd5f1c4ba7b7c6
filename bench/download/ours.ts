/**
 * A process of its own that brings one model, as a node worker would. Run as: node ours.js <endpoint> <repo> <folder> [--unsynced]
 * Prints the weights, and how long it took without the start of the process.
 */
import { join } from 'node:path'
import { createHub } from '../../src/adapters/hub/create-hub.js'
import { hubSource } from '../../src/adapters/sources/hub-source.js'
import { createWeightStore } from '../../src/adapters/weights/create-weight-store.js'

const [endpoint = '', repo = '', folder = '', ...flags] = process.argv.slice(2)
const hub = createHub({ endpoint, token: async () => null })
const store = createWeightStore({
  sources: () => [hubSource(hub)],
  hubCache: join(folder, 'hub'),
  partials: join(folder, 'aim'),
  durable: !flags.includes('--unsynced'),
})
const began = performance.now()
const model = await hub.pin(repo, 'main')
const { fetchedBytes } = await store.ensure(model, model.files, {})
process.stdout.write(`${JSON.stringify({ fetchedBytes, seconds: (performance.now() - began) / 1_000 })}\n`)
