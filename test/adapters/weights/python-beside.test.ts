import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { TransferProgress } from '../../../src/contracts/model.js'
import { startChild, type Child } from '../../support/children.js'
import { findPythonHub } from '../../support/python-hub.js'
import { waitFor } from '../../support/wait-for.js'
import { REPO, startBench, WEIGHTS, type Bench } from './support.js'

/** Python writes in pieces of 10 MiB. */
const SIZE = 12_500_000
const HELD_AT = 11_000_000
const python = await findPythonHub()

describe.skipIf(python === null)('beside a running Python client (needs Python and huggingface_hub)', { timeout: 120_000 }, () => {
  let bench: Bench
  let children: Child[]
  beforeEach(async () => {
    children = []
    bench = await startBench(SIZE)
  })
  afterEach(async () => {
    for (const child of children) await child.kill('SIGKILL')
    await bench.close()
  })

  const hf = (): Promise<string> => {
    const home = dirname(bench.hubCache)
    return (
      python?.hf(['download', REPO], { HOME: home, HF_HOME: home, HF_ENDPOINT: bench.hub.url }) ?? Promise.reject(new Error('no Python'))
    )
  }
  function ours(): Child {
    const child = startChild(new URL('../../support/killed-child.mjs', import.meta.url), [
      bench.hub.url,
      REPO,
      bench.hubCache,
      bench.partials,
    ])
    children.push(child)
    return child
  }
  const weightGets = (): number => bench.ranges().length

  async function expectOneOfEach(): Promise<void> {
    await bench.expectWhole()
    for (const name of await readdir(dirname(bench.blob()))) {
      const bytes = await readFile(join(dirname(bench.blob()), name))
      const git = createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex')
      expect([git, bench.digest]).toContain(name)
    }
  }

  it('two of our processes and `hf download` bring one blob once, when ours is first', async () => {
    bench.hub.misbehave({ kind: 'hold', after: HELD_AT }, { path: WEIGHTS, method: 'GET' })
    const first = ours()
    await waitFor('the first bytes', () => bench.hub.sentBytes(WEIGHTS) >= HELD_AT)
    const others = [ours(), hf()] as const
    await others[0].nextLine()
    await waitFor('Python to ask', () => bench.hub.requests.some(({ headers }) => headers['user-agent']?.includes('hf') ?? false))
    await new Promise((resolve) => setTimeout(resolve, 1_500)) // long enough for Python to come to the lock
    bench.hub.behave()
    const path = await others[1]
    expect([await first.ended, await others[0].ended]).toEqual([0, 0])
    expect(bench.hub.sentBytes(WEIGHTS)).toBe(SIZE)
    expect((await readFile(join(path.trim().split('path: ').at(-1) ?? '', 'model.safetensors'))).equals(bench.content)).toBe(true)
    await expectOneOfEach()
  })

  it('waits for Python where that is first, shows its progress, and fetches nothing', async () => {
    bench.hub.misbehave({ kind: 'hold', after: HELD_AT }, { path: WEIGHTS, method: 'GET' })
    const theirs = hf()
    await waitFor('the first bytes', () => bench.hub.sentBytes(WEIGHTS) >= HELD_AT)
    const seen: TransferProgress[] = []
    const files = bench.model.files.filter(({ path }) => WEIGHTS.test(path))
    const asked = bench.store().ensure(bench.model, files, { onProgress: (progress) => void seen.push(progress) })
    await waitFor('its progress', () => seen.some(({ doneBytes }) => doneBytes > 0))
    bench.hub.behave()
    expect(await asked).toMatchObject({ cache: 'hit', fetchedBytes: 0 })
    await theirs
    expect(weightGets()).toBe(1)
    await expectOneOfEach()
  })

  it('goes on where ours was killed: nobody waits for its locks', async () => {
    bench.hub.misbehave({ kind: 'hold', after: HELD_AT }, { path: WEIGHTS, method: 'GET', times: 1 })
    const first = ours()
    await waitFor('the first bytes', () => bench.hub.sentBytes(WEIGHTS) >= HELD_AT)
    const theirs = hf()
    await new Promise((resolve) => setTimeout(resolve, 500))
    await first.kill('SIGKILL')
    await theirs
    expect((await readFile(bench.blob())).equals(bench.content)).toBe(true)
    expect(await bench.store().ensure(bench.model, bench.model.files, {})).toMatchObject({ cache: 'hit' })
    await expectOneOfEach()
  })
})
