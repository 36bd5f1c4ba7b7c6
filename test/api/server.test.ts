import { afterEach, beforeEach, expect, test } from 'vitest'
import { startApi } from '../../src/api/server.js'
import { freePorts } from '../../src/config/free-ports.js'
import { AimError } from '../../src/contracts/errors.js'

let api: Awaited<ReturnType<typeof startApi>>
let metrics: () => Promise<string>

beforeEach(async () => {
  metrics = async () => '# TYPE aim_cache_hits_total counter\naim_cache_hits_total 3\n'
  const [port = 0] = await freePorts(1)
  api = await startApi({ records: { history: async () => [] }, metrics: () => metrics(), host: '127.0.0.1', port })
})
afterEach(() => api.close())

test('/metrics is what Prometheus reads, anew for each scrape', async () => {
  const answer = await fetch(`${api.url}/metrics`)
  expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
  expect(await answer.text()).toContain('aim_cache_hits_total 3\n')
  metrics = async () => 'aim_cache_hits_total 4\n'
  expect(await (await fetch(`${api.url}/metrics`)).text()).toBe('aim_cache_hits_total 4\n')
})

test('a cache that cannot be read fails the scrape, and says why', async () => {
  metrics = () => Promise.reject(new AimError('CacheUnwritable', { path: '/cache', reason: 'EACCES' }))
  const answer = await fetch(`${api.url}/metrics`)
  expect([answer.status, await answer.json()]).toMatchObject([500, { code: 'CacheUnwritable', detail: '/cache cannot be written: EACCES' }])
})
