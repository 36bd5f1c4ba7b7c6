import { existsSync } from 'node:fs'
import { chmod, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createModelCache, type LocalModelCache } from '../../../src/adapters/cache/create-model-cache.js'
import { createLedger } from '../../../src/adapters/cache/ledger.js'
import { refetchWith } from '../../../src/adapters/cache/refetch.js'
import { createHub } from '../../../src/adapters/hub/create-hub.js'
import { hubSource } from '../../../src/adapters/sources/hub-source.js'
import { createWeightStore } from '../../../src/adapters/weights/create-weight-store.js'
import type { Hub } from '../../../src/ports/hub.js'
import type { WeightStore } from '../../../src/ports/weight-store.js'
import { startMisbehavingHub, type MisbehavingHub } from '../../support/misbehaving-hub.js'
import { findPythonHub } from '../../support/python-hub.js'
import { sha256, temporaryFolder, writeSampleModel } from '../../support/sample-model.js'
import { DAY } from './support.js'

const [ONE, TWO] = ['acme/one', 'acme/two']
const ALL = { policy: { order: 'lru', maxBytes: 0 }, dryRun: false } as const
const python = await findPythonHub()

describe.skipIf(python === null)(
  'one cache with Python\u2019s huggingface_hub (needs Python and the package)',
  { timeout: 120_000 },
  () => {
    let served: Awaited<ReturnType<typeof temporaryFolder>>
    let home: Awaited<ReturnType<typeof temporaryFolder>>
    let server: MisbehavingHub
    let contents: Map<string, Buffer>
    let hub: Hub
    let weights: WeightStore
    let cache: LocalModelCache

    beforeEach(async () => {
      served = await temporaryFolder()
      home = await temporaryFolder()
      contents = await writeSampleModel(served.path, ONE, 3_000_000)
      await writeSampleModel(served.path, TWO, 1_000)
      await writeFile(join(served.path, TWO, 'model.safetensors'), contents.get('model.safetensors') ?? '')
      server = await startMisbehavingHub(served.path)
      hub = createHub({ endpoint: server.url, token: async () => null })
      const places = { hubCache: join(home.path, 'hub'), partials: join(home.path, 'aim', 'partials') }
      const ledger = createLedger({ folder: join(home.path, 'aim', 'ledger') })
      weights = createWeightStore({ sources: () => [hubSource(hub, `hub ${server.url}`)], ...places, ledger })
      // Its clock is ten days ahead: what was fetched just now is old enough to go.
      cache = createModelCache({ ...places, ledger, refetch: refetchWith(hub, () => weights), now: () => Date.now() + 10 * DAY })
    })
    afterEach(async () => {
      await server.close()
      await served.remove()
      await home.remove()
    })

    const ask = async (code: string): Promise<unknown> =>
      JSON.parse(
        (await python?.python(`import json, huggingface_hub as h\n${code}`, {
          HOME: home.path,
          HF_HOME: home.path,
          HF_ENDPOINT: server.url,
        })) ?? 'null',
      )
    const scan = () =>
      ask(
        `s = h.scan_cache_dir()\nprint(json.dumps([sorted([r.repo_id, r.size_on_disk, sorted(r.refs)] for r in s.repos), s.size_on_disk, len(s.warnings)]))`,
      )
    const download = (repo: string) => ask(`print(json.dumps(h.snapshot_download('${repo}')))`)

    it('lists what we wrote as we do, and nothing once we removed it', async () => {
      for (const repo of [ONE, TWO]) {
        const model = await hub.pin(repo, 'main')
        await weights.ensure(model, model.files, {})
      }
      const ours = await cache.contents()
      expect(await scan()).toEqual([ours.repositories.map(({ repo, bytes, refs }) => [repo, bytes, Object.keys(refs)]), ours.bytes, 0])
      expect(ours.unknown).toEqual([])
      const report = await cache.prune({ ...ALL, only: [`${ONE}@${ours.repositories[0]?.revisions[0]?.commit}`] }, async () => [])
      expect(report.removed).toHaveLength(1)
      expect(await scan()).toEqual([[[TWO, ours.repositories[1]?.bytes, ['main']]], ours.repositories[1]?.bytes, 0])
    })

    it('we list what it wrote, know each of its files, and leave it a clean cache after a cleanup', async () => {
      await download(ONE)
      const { repositories, bytes, unknown } = await cache.contents()
      expect(unknown).toEqual([])
      expect(await scan()).toEqual([[[ONE, bytes, ['main']]], bytes, 0])
      const [revision] = repositories[0]?.revisions ?? []
      expect(revision?.files.map(({ path, bytes: size }) => [path, size])).toEqual(
        [...contents].map(([path, { length }]) => [path, length]).toSorted(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
      )
      expect(await cache.verify({ repair: false })).toMatchObject({ checkedFiles: contents.size, bad: [], skipped: [] })
      expect((await cache.prune(ALL, async () => [])).freedBytes).toBe(bytes)
      expect(await scan()).toEqual([[], 0, 0])
      expect((await cache.contents()).unknown).toEqual([])
    })

    it('a blob that it shares between repositories counts once, and goes with the last of them', async () => {
      for (const repo of [ONE, TWO]) await download(repo)
      const large = contents.get('model.safetensors') ?? Buffer.alloc(0)
      const hash = 'ab'.repeat(32)
      const blobs = [ONE, TWO].map((repo) => join(home.path, 'hub', `models--${repo.replace('/', '--')}`, 'blobs', sha256(large)))
      const shared = await ask(`
from huggingface_hub.utils import _shared_blobs as s
print(json.dumps([s.publish_blob_to_shared_store(blob_path=p, xet_hash='${hash}', cache_dir=h.constants.HF_HUB_CACHE, expected_size=${large.length}) for p in ${JSON.stringify(blobs)}]))`)
      expect(shared).toEqual([true, true])
      const before = await cache.contents()
      expect(before.bytes).toBe(((await scan()) as [unknown, number])[1])
      expect(before.unknown).toEqual([])

      const [one, two] = before.repositories.map(({ repo, revisions }) => `${repo}@${revisions[0]?.commit}`)
      const first = await cache.prune({ ...ALL, only: [one ?? ''] }, async () => [])
      expect(first.freedBytes).toBeLessThan(large.length)
      const left = await ask(`
from huggingface_hub.utils import _shared_blobs as s
from pathlib import Path
store = s.shared_blob_path(h.constants.HF_HUB_CACHE, '${hash}')
print(json.dumps([store.exists(), [str(p) for p in s._read_valid_manifest_references(store, h.constants.HF_HUB_CACHE)], len(s.unreferenced_shared_blobs(h.constants.HF_HUB_CACHE))]))`)
      expect(left).toEqual([true, [blobs[1]], 0])
      expect((await readFile(await realpath(blobs[1] ?? ''))).equals(large)).toBe(true)

      expect((await cache.prune({ ...ALL, only: [two ?? ''] }, async () => [])).freedBytes).toBeGreaterThan(large.length)
      expect(await scan()).toEqual([[], 0, 0])
      expect(existsSync(join(home.path, 'hub', 'blobs', 'ab', hash))).toBe(false)
    })

    it('its lock is one that we see', async () => {
      const held = await ask(`
import subprocess, tempfile, os
from huggingface_hub.utils import WeakFileLock
path = os.path.join(tempfile.mkdtemp(dir='${home.path}'), 'x.lock')
with WeakFileLock(path):
    inside = subprocess.run(['flock', '-n', path, 'true']).returncode
print(json.dumps([inside, subprocess.run(['flock', '-n', path, 'true']).returncode]))`)
      expect(held).toEqual([1, 0])
    })

    it('what it fetched wrong is found and made right from the hub', async () => {
      const snapshot = String(await download(ONE))
      const blob = await realpath(join(snapshot, 'model.safetensors'))
      const right = await readFile(blob)
      const wrong = Buffer.from(right)
      wrong[1_000_000] = ~(wrong[1_000_000] ?? 0) & 0xff
      await chmod(blob, 0o644)
      await writeFile(blob, wrong)
      server.requests.length = 0
      const report = await cache.verify({ repair: true })
      expect(report.bad).toMatchObject([{ path: 'model.safetensors', state: 'repaired' }])
      expect((await readFile(join(snapshot, 'model.safetensors'))).equals(right)).toBe(true)
      expect(server.sentBytes(/resolve/)).toBe(right.length)
      await rm(blob)
      expect((await cache.verify({ repair: true })).bad).toMatchObject([{ actual: 'nothing', state: 'repaired' }])
    })
  },
)
