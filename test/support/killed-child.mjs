/**
 * A process of its own that brings one model with the built code, which starts quickly enough to be killed again and again. Prints a line when it
 * begins, and the result. Run as: node killed-child.mjs <endpoint> <repo> <hubCache> <partials>
 */
// Found when it runs: the checks come before the build.
const built = (path) => new URL(`../../dist/${path}`, import.meta.url).href
const { createHub } = await import(built('src/adapters/hub/create-hub.js'))
const { hubSource } = await import(built('src/adapters/sources/hub-source.js'))
const { createWeightStore } = await import(built('src/adapters/weights/create-weight-store.js'))

const [endpoint = '', repo = '', hubCache = '', partials = ''] = process.argv.slice(2)
const hub = createHub({ endpoint, token: async () => null })
const store = createWeightStore({ sources: () => [hubSource(hub)], hubCache, partials })
const model = await hub.pin(repo, 'main')
process.stdout.write('{"began":true}\n')
const { fetchedBytes } = await store.ensure(model, model.files, {})
process.stdout.write(`${JSON.stringify({ fetchedBytes })}\n`)
