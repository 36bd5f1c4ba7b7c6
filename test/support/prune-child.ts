/** A process of its own that removes all of a cache that may go: node --import typescript-loader.mjs prune-child.ts <hubCache> <partials> <ledger> */
import { createModelCache } from '../../src/adapters/cache/create-model-cache.js'
import { createLedger } from '../../src/adapters/cache/ledger.js'

const [hubCache = '', partials = '', folder = ''] = process.argv.slice(2)
const refetch = () => Promise.reject(new Error('nothing is fetched here'))
const now = (): number => Date.now() + 10 * 86_400_000
const cache = createModelCache({ hubCache, partials, ledger: createLedger({ folder }), refetch, now })
process.stdout.write('{"began":true}\n')
const { removed } = await cache.prune({ policy: { order: 'lru', maxBytes: 0 }, dryRun: false }, async () => [])
process.stdout.write(`${JSON.stringify({ removed: removed.length })}\n`)
