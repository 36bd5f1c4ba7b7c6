import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createHub } from '../../../src/adapters/hub/create-hub.js'
import { hubSource } from '../../../src/adapters/sources/hub-source.js'
import { createWeightStore } from '../../../src/adapters/weights/create-weight-store.js'
import type { PinnedModel } from '../../../src/contracts/model.js'
import { startMisbehavingHub, type MisbehavingHub } from '../../support/misbehaving-hub.js'
import { findPythonHub } from '../../support/python-hub.js'
import { temporaryFolder, writeSampleModel } from '../../support/sample-model.js'

const REPO = 'acme/tiny'
const python = await findPythonHub()

describe.skipIf(python === null)(
  'one cache with Python\u2019s huggingface_hub (needs Python and the package)',
  { timeout: 120_000 },
  () => {
    let served: Awaited<ReturnType<typeof temporaryFolder>>
    let home: Awaited<ReturnType<typeof temporaryFolder>>
    let hub: MisbehavingHub
    let contents: Map<string, Buffer>
    let model: PinnedModel

    beforeEach(async () => {
      served = await temporaryFolder()
      home = await temporaryFolder()
      contents = await writeSampleModel(served.path, REPO, 3_000_000)
      hub = await startMisbehavingHub(served.path)
      model = await createHub({ endpoint: hub.url, token: async () => null }).pin(REPO, 'main')
    })
    afterEach(async () => {
      await hub.close()
      await served.remove()
      await home.remove()
    })
    const store = () =>
      createWeightStore({
        sources: () => [hubSource(createHub({ endpoint: hub.url, token: async () => null }))],
        hubCache: join(home.path, 'hub'),
        partials: join(home.path, 'aim'),
      })
    const env = (extra: Record<string, string> = {}) => ({ HOME: home.path, HF_HOME: home.path, HF_ENDPOINT: hub.url, ...extra })
    const ask = async (code: string, extra: Record<string, string> = {}): Promise<unknown> =>
      JSON.parse((await python?.python(code, env(extra))) ?? 'null')

    it('reads offline what we wrote, without a warning', async () => {
      await store().ensure(model, model.files, {})
      hub.requests.length = 0
      const path = await ask(
        `import json, huggingface_hub as h; print(json.dumps(h.snapshot_download('${REPO}', local_files_only=True)))`,
        { HF_HUB_OFFLINE: '1' },
      )
      for (const [name, content] of contents) expect((await readFile(join(String(path), name))).equals(content)).toBe(true)
      const scan = await ask(
        `import json, huggingface_hub as h
scan = h.scan_cache_dir()
[repo] = scan.repos
[revision] = repo.revisions
print(json.dumps([[str(w) for w in scan.warnings], repo.repo_id, repo.size_on_disk, revision.commit_hash, sorted(revision.refs), len(revision.files)]))`,
      )
      const bytes = [...contents.values()].reduce((sum, { length }) => sum + length, 0)
      expect(scan).toEqual([[], REPO, bytes, model.commit, ['main'], contents.size])
      expect(hub.requests).toEqual([])
      expect(await python?.hf(['cache', 'ls'], env({ HF_HUB_OFFLINE: '1' }))).toContain(REPO)
    })

    it('adds nothing to what Python downloads again, and fetches nothing of it', async () => {
      await store().ensure(model, model.files, {})
      hub.requests.length = 0
      await ask(`import json, huggingface_hub as h; print(json.dumps(h.snapshot_download('${REPO}')))`)
      expect(hub.requests.filter(({ path }) => path.includes('/resolve/'))).toEqual([])
    })

    it('uses what Python downloaded, without the network', async () => {
      const path = await ask(`import json, huggingface_hub as h; print(json.dumps(h.snapshot_download('${REPO}')))`)
      const before = (await readdir(home.path, { recursive: true })).toSorted()
      hub.requests.length = 0
      const found = await store().find(model, model.files)
      expect(found).toMatchObject({ path, cache: 'hit' })
      expect(await store().ensure(model, model.files, {})).toEqual(found)
      expect(hub.requests).toEqual([])
      expect((await readdir(home.path, { recursive: true })).toSorted()).toEqual(before)
    })
  },
)
