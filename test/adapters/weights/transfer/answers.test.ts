import { readFile, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Fault } from '../../../support/faults.js'
import { startBench, WEIGHTS, type Bench } from '../support.js'

const MIB = 1 << 20
const SIZE = 3 * MIB + 5
const GET = { path: WEIGHTS, method: 'GET' }

let bench: Bench
beforeAll(async () => {
  bench = await startBench(SIZE)
})
afterEach(async () => {
  bench.hub.behave()
  bench.hub.requests.length = 0
  await rm(dirname(bench.hubCache), { recursive: true })
})
afterAll(() => bench.close())

const weights = () => bench.model.files.filter(({ path }) => WEIGHTS.test(path))
const ensure = (options = {}) => bench.store(options).ensure(bench.model, weights(), {})

const passing: [string, Fault][] = [
  ['416', { kind: 'status', status: 416, headers: { 'content-range': `bytes */${SIZE}` } }],
  ['408', { kind: 'status', status: 408 }],
  ['503 with Retry-After', { kind: 'status', status: 503, headers: { 'retry-after': '0' } }],
  ['a length that is too short', { kind: 'headers', headers: { 'content-length': '1000' } }],
  ['a length that is too long', { kind: 'headers', headers: { 'content-length': String(2 * MIB) } }],
  ['a body that ends early', { kind: 'truncate', after: 123_456 }],
  ['a body of nothing', { kind: 'truncate', after: 0 }],
  ['more bytes than it announced', { kind: 'surplus', bytes: 100 }],
  ['another range', { kind: 'headers', headers: { 'content-range': `bytes 1-${MIB}/${SIZE}` } }],
  ['a range of another file', { kind: 'headers', headers: { 'content-range': `bytes 0-${MIB - 1}/${SIZE + 1}` } }],
  ['a head with junk', { kind: 'head', more: ['no header'] }],
  ['a head of another protocol', { kind: 'head', before: 'SSH-2.0-x\r\n\r\n' }],
  ['a stall', { kind: 'stall', after: 50_000 }],
]

const harmless: [string, Fault][] = [
  ['without a length, in chunks', { kind: 'headers', headers: { 'content-length': null } }],
  ['byte by byte in its head', { kind: 'head' }],
  ['after one that only says that it will come', { kind: 'head', before: 'HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n' }],
  ['with the end of the connection', { kind: 'headers', headers: { connection: 'close' } }],
  ['before a connection that ends unsaid', { kind: 'hangup' }],
  ['with another etag than before', { kind: 'headers', headers: { etag: '"other"' } }],
]

describe('an answer that is wrong for some ranges', () => {
  it.each(passing)('%s: asked again, and the file is right', async (_name, fault) => {
    bench.hub.misbehave(fault, { ...GET, times: 3 })
    await ensure({ stallMs: 600 })
    expect(await bench.published()).toBe('right')
  })

  it.each(passing.filter((_row, index) => index % 3 === 0))(
    '%s, each time: an error that names it, nothing is published',
    async (_name, fault) => {
      bench.hub.misbehave(fault, GET)
      await expect(ensure({ stallMs: 200, retry: { tries: 2, baseMs: 1, maxMs: 2 } })).rejects.toMatchObject({
        code: expect.stringMatching(/^(HubProtocol|HubUnreachable|TransferStalled)$/),
      })
      await expect(readFile(bench.blob())).rejects.toMatchObject({ code: 'ENOENT' })
    },
  )
})

describe('an answer that is unusual', () => {
  it.each(harmless)('%s: no failure', async (_name, fault) => {
    bench.hub.misbehave(fault, GET)
    await ensure({ retry: { tries: 1 } })
    expect(await bench.published()).toBe('right')
  })
})

describe('a hub that has another file than it listed', () => {
  it('says so by its size: HubProtocol before any byte', async () => {
    bench.hub.misbehave({ kind: 'headers', headers: { 'x-linked-size': String(SIZE + 1) } }, { path: WEIGHTS, method: 'HEAD' })
    await expect(ensure({ retry: { tries: 2, baseMs: 1, maxMs: 2 } })).rejects.toMatchObject({ code: 'HubProtocol' })
    expect(bench.ranges()).toEqual([])
  })

  it('of the same size: DigestMismatch, and nothing of it is published or left', async () => {
    bench.hub.misbehave({ kind: 'headers', headers: { etag: '"other"', 'x-linked-etag': '"other"' } }, { path: WEIGHTS })
    for (const at of [0, 500_000]) bench.hub.misbehave({ kind: 'flip', at }, GET)
    await expect(ensure()).rejects.toMatchObject({ code: 'DigestMismatch' })
    await expect(readFile(bench.blob())).rejects.toMatchObject({ code: 'ENOENT' })
    expect(await bench.leftovers()).toEqual([])
  })
})
