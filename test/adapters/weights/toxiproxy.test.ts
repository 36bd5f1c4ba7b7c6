import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { obtainToxiproxy, startToxiproxy, type Toxic, type Toxiproxy } from '../../support/toxiproxy.js'
import { waitFor } from '../../support/wait-for.js'
import { startBench, WEIGHTS, type Bench } from './support.js'

const SIZE = 6_000_000
const program = await obtainToxiproxy()

describe.skipIf(program === null)('over a bad network (needs Go, once)', () => {
  let bench: Bench
  let network: Toxiproxy
  beforeEach(async () => {
    bench = await startBench(SIZE)
    network = await startToxiproxy(program ?? '', bench.hub.url)
  })
  afterEach(async () => {
    await network.close()
    await bench.close()
  })

  const ensure = (options = {}) =>
    bench
      .store({
        sources: () => [bench.source(network)],
        stallMs: 400,
        connections: 6,
        retry: { tries: 60, baseMs: 20, maxMs: 60 },
        ...options,
      })
      .ensure(bench.model, bench.model.files, {})

  const toxics: [string, Toxic[]][] = [
    ['is far away', [{ type: 'latency', attributes: { latency: 60, jitter: 40 } }]],
    ['is slow', [{ type: 'bandwidth', attributes: { rate: 1_000 } }]],
    ['brings its bytes in crumbs', [{ type: 'slicer', attributes: { average_size: 900, size_variation: 800, delay: 20 } }]],
    ['cuts every connection after 700 kB', [{ type: 'limit_data', attributes: { bytes: 700_000 } }]],
    ['resets half of the connections', [{ type: 'reset_peer', chance: 0.5, attributes: { timeout: 80 } }]],
    ['lets a third of the connections go silent', [{ type: 'timeout', chance: 0.3, attributes: { timeout: 0 } }]],
    [
      'is all of that',
      [
        { type: 'latency', attributes: { latency: 20, jitter: 20 } },
        { type: 'bandwidth', attributes: { rate: 4_000 } },
        { type: 'limit_data', chance: 0.5, attributes: { bytes: 900_000 } },
        { type: 'reset_peer', chance: 0.2, attributes: { timeout: 200 } },
      ],
    ],
  ]
  it.each(toxics)('that %s, what arrives is right', async (_name, added) => {
    for (const toxic of added) await network.add(toxic)
    const { fetchedBytes } = await ensure()
    expect(await bench.published()).toBe('right')
    expect(fetchedBytes).toBeLessThan(2 * SIZE)
  })

  it('that is gone for a while, a download goes on where it was', async () => {
    await network.add({ type: 'bandwidth', attributes: { rate: 800 } })
    const asked = ensure()
    await waitFor('some bytes', () => bench.hub.sentBytes(WEIGHTS) > SIZE / 2)
    await network.enable(false)
    await new Promise((resolve) => setTimeout(resolve, 500))
    await network.enable(true)
    await asked
    expect(await bench.published()).toBe('right')
  })

  it('that is gone for good, it ends, with the reason', async () => {
    await network.add({ type: 'bandwidth', attributes: { rate: 800 } })
    const asked = ensure({ retry: { tries: 3, baseMs: 10, maxMs: 20 } }).catch((error: unknown) => error)
    await waitFor('some bytes', () => bench.hub.sentBytes(WEIGHTS) > SIZE / 2)
    await network.enable(false)
    expect(await asked).toMatchObject({ code: 'HubUnreachable' })
    expect(await bench.published()).toBe('absent')
  })
})
