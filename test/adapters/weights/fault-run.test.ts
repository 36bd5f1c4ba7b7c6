import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { isAimError } from '../../../src/contracts/errors.js'
import type { Fault, Target } from '../../support/faults.js'
import type { MisbehavingHub } from '../../support/misbehaving-hub.js'
import { randomOf, type Random } from '../../support/random.js'
import { gitSha1, sha256 } from '../../support/sample-model.js'
import { startBench, type Bench } from './support.js'

const MIB = 1 << 20
const SIZE = 3 * MIB + 11
const RUNS = 40
const SEED = Number(process.env['AIM_FAULT_SEED'] ?? 2_026)

let bench: Bench
let mirror: MisbehavingHub
beforeEach(async () => {
  bench = await startBench(SIZE, { 'generation_config.json': '{}', 'second.gguf': 'y'.repeat(2 * MIB + 3) })
  mirror = await bench.another()
})
afterEach(() => bench.close())

function randomFault(random: Random): Fault {
  const at = random.below(MIB)
  const header = (name: string, value: string | null): Fault => ({ kind: 'headers', headers: { [name]: value } })
  return random.pick<() => Fault>([
    () => ({ kind: 'status', status: random.pick([401, 403, 404, 408, 416, 500, 502, 503]) }),
    () => ({ kind: 'status', status: random.pick([429, 503]), headers: { 'retry-after': random.pick(['0', '1', '3600']) } }),
    () => ({ kind: 'truncate', after: random.pick([0, 1, at]) }),
    () => ({ kind: 'stall', after: at }),
    () => ({ kind: 'flip', at: random.pick([0, at]) }),
    () => ({ kind: 'slow', bytesPerSecond: random.pick([300_000, 5_000_000]) }),
    () => ({ kind: 'surplus', bytes: 1 + random.below(5_000) }),
    () => ({ kind: 'hangup' }),
    () => ({ kind: 'head', more: random.pick([[], ['no header'], ['x-a: b']]), before: random.pick(['', 'HTTP/1.1 103 x\r\n\r\n']) }),
    () => header('content-length', random.pick([null, '0', '17', String(2 * MIB)])),
    () => header('content-range', random.pick([null, `bytes 0-1/${SIZE}`, 'rows 0-1/2'])),
    () => header('etag', '"other"'),
    () => header('x-linked-size', random.pick(['1', String(SIZE)])),
    () => header('x-repo-commit', 'c'.repeat(40)),
    () => header('connection', 'close'),
    () => header('content-encoding', 'gzip'),
  ])()
}

function randomTarget(random: Random): Target {
  return {
    path: random.pick([/resolve/, /model\.safetensors/, /second\.gguf/, /config\.json/]),
    skip: random.pick([0, 0, 1, 3]),
    ...random.pick([{}, { method: 'GET' }, { method: 'HEAD' }]),
    ...random.pick([{}, {}, { times: 1 }, { times: 3 }]),
  }
}

/** Names of the published blobs, each of which must hold what its name says. */
async function published(): Promise<string[]> {
  const names = await readdir(dirname(bench.blob())).catch(() => []) // nothing yet
  for (const name of names) {
    const bytes = await readFile(join(dirname(bench.blob()), name))
    expect(name.length === 64 ? sha256(bytes) : gitSha1(bytes)).toBe(name)
  }
  return names
}

it(
  `${RUNS} downloads under faults drawn by chance: right bytes or a named error, nothing lost, nothing outside (seed ${SEED})`,
  { timeout: 180_000 },
  async () => {
    const random = randomOf(SEED)
    const outside = dirname(bench.hubCache)
    await mkdir(join(outside, 'sentinel'), { recursive: true })
    await writeFile(join(outside, 'sentinel', 'file'), 'untouched')
    const outcomes: Record<string, number> = {}
    let before: string[] = []

    for (let run = 0; run < RUNS; run++) {
      const drawn: string[] = []
      for (const hub of [bench.hub, mirror]) {
        for (let count = 1 + random.below(4); count > 0; count--) {
          const [fault, target] = [randomFault(random), randomTarget(random)]
          drawn.push(`${JSON.stringify(fault)} on ${String(target.path)} ${target.method ?? ''} ${target.skip}+${target.times ?? 'all'}`)
          hub.misbehave(fault, target)
        }
        hub.sign(random.below(3) === 0 ? { bytes: 1 + random.below(2 * MIB) } : null)
      }
      const hubs = random.pick([[bench.hub], [mirror, bench.hub]])
      const store = bench.store({
        sources: () => hubs.map((hub) => bench.source(hub, hub.url)),
        connections: 1 + random.below(8),
        stallMs: 150,
        retry: { tries: 1 + random.below(4), baseMs: 1, maxMs: 10 },
      })
      const signal = random.below(6) === 0 ? AbortSignal.timeout(random.below(400)) : undefined
      const failure: unknown = await store.ensure(bench.model, bench.model.files, { ...(signal && { signal }) }).then(
        () => null,
        (error: unknown) => error,
      )
      const outcome = failure === null ? 'whole' : isAimError(failure) ? failure.code : failure === signal?.reason ? 'aborted' : null
      if (outcome === null) throw new Error(`run ${run}: an error without a name, after ${drawn.join('; ')}`, { cause: failure })
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1

      const now = await published()
      expect(now, `run ${run}: ${drawn.join('; ')}`).toEqual(expect.arrayContaining(before))
      expect((await readdir(outside)).filter((name) => name !== 'aim')).toEqual(['hub', 'sentinel'])
      expect(await readdir(join(outside, 'sentinel'))).toEqual(['file'])
      const left = failure === null ? [bench.model.files.length - now.length, await bench.leftovers()] : [0, []]
      expect(left).toEqual([0, []])
      before = now
      for (const hub of [bench.hub, mirror]) hub.behave()
      if (failure !== null && random.below(3) > 0) continue
      await rm(bench.hubCache, { recursive: true })
      before = []
      await mkdir(bench.hubCache)
    }
    expect(await readFile(join(outside, 'sentinel', 'file'), 'utf8')).toBe('untouched')
    process.stdout.write(`fault run, seed ${SEED}: ${JSON.stringify(outcomes)}\n`)
    expect(Object.keys(outcomes).length).toBeGreaterThan(3)
  },
)
