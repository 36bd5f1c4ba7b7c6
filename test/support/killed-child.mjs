/**
 * A process of its own that brings one model with the built code, which starts quickly enough to be killed again and again. Prints a line when it
 * begins, and the result. Run as: node killed-child.mjs <endpoint> <repo> <hubCache> <partials>
 */
import { createHub } from '../../dist/src/adapters/hub/create-hub.js'
import { hubSource } from '../../dist/src/adapters/sources/hub-source.js'
import { createWeightStore } from '../../dist/src/adapters/weights/create-weight-store.js'

const [endpoint = '', repo = '', hubCache = '', partials = ''] = process.argv.slice(2)
const hub = createHub({ endpoint, token: async () => null })
const store = createWeightStore({ sources: () => [hubSource(hub)], hubCache, partials })
const model = await hub.pin(repo, 'main')
process.stdout.write('{"began":true}\n')
const { fetchedBytes } = await store.ensure(model, model.files, {})
process.stdout.write(`${JSON.stringify({ fetchedBytes })}\n`)
