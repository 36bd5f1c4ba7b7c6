import { afterEach, beforeEach, expect, it } from 'vitest'
import { startBench, WEIGHTS, type Bench } from '../support.js'

const MIB = 1 << 20
const SIZE = 10 * MIB + 77

let bench: Bench
beforeEach(async () => {
  bench = await startBench(SIZE)
})
afterEach(() => bench.close())

const resolves = (): number => bench.hub.requests.filter(({ method, path }) => method === 'HEAD' && WEIGHTS.test(path)).length
const refused = (): number => bench.ranges().filter(({ status }) => status === 403).length

it('one signed address serves every range of a file', async () => {
  bench.hub.sign({})
  await bench.store().ensure(bench.model, bench.model.files, {})
  expect(await bench.published()).toBe('right')
  expect(resolves()).toBe(1)
  expect(bench.hub.requests.filter(({ path }) => path.startsWith('/signed/')).length).toBeGreaterThan(8)
})

it.each([{ bytes: 2 * MIB }, { requests: 3 }, { requests: 8 }])(
  'one that runs out after %j is asked for anew, and that is no failure',
  async (signature) => {
    bench.hub.sign(signature)
    const { fetchedBytes } = await bench.store({ retry: { tries: 1 }, connections: 3 }).ensure(bench.model, bench.model.files, {})
    expect(await bench.published()).toBe('right')
    expect(fetchedBytes).toBe(bench.model.files.reduce((sum, { size }) => sum + size, 0))
    expect(resolves()).toBeGreaterThan(1)
    expect(refused()).toBeGreaterThan(0)
  },
)

it('one that runs out at once for most connections does not end the download', async () => {
  bench.hub.sign({ requests: 1 })
  await bench.store({ connections: 8 }).ensure(bench.model, bench.model.files, {})
  expect(await bench.published()).toBe('right')
})

it('one that is refused from the beginning ends it, with the reason and without a hundred requests', async () => {
  bench.hub.sign({ requests: 0 })
  await expect(bench.store().ensure(bench.model, bench.model.files, {})).rejects.toMatchObject({ code: 'HubAuth' })
  expect(bench.hub.requests.length).toBeLessThan(60)
  expect(await bench.published()).toBe('absent')
})

it('a download goes on after the server changed its addresses while nobody asked', async () => {
  bench.hub.sign({})
  bench.hub.misbehave({ kind: 'truncate', after: 300_000 }, { path: WEIGHTS, method: 'GET' })
  await expect(bench.store({ retry: { tries: 1 } }).ensure(bench.model, bench.model.files, {})).rejects.toMatchObject({
    code: 'HubUnreachable',
  })
  const before = bench.hub.sentBytes(WEIGHTS)
  bench.hub.behave()
  bench.hub.requests.length = 0
  bench.hub.sign({ bytes: 4 * MIB })
  await bench.store().ensure(bench.model, bench.model.files, {})
  expect(await bench.published()).toBe('right')
  expect(before).toBeGreaterThan(2 * 262_144)
  expect(bench.hub.sentBytes(WEIGHTS)).toBeLessThan(SIZE) // whole blocks of before were not asked for again
})
