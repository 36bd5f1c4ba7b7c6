import { chmod, symlink } from 'node:fs/promises'
import { availableParallelism, hostname, totalmem } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { inspectBackends } from '../../../src/adapters/probe/backends.js'
import { createNodeProbe, findTools } from '../../../src/adapters/probe/index.js'
import { listCachedModels } from '../../../src/adapters/probe/cached-models.js'
import { inspectLimits } from '../../../src/adapters/probe/limits.js'
import { createRoot } from './support.js'

const MiB = 1024 ** 2
const toolsOn = (PATH: string) => findTools({ vllmBin: undefined, sglangBin: undefined }, { PATH })

describe('this machine', () => {
  test('is what it is, and a cache that does not exist yet is on the volume of its parent', async () => {
    await using folder = await createRoot()
    const hubCache = join(folder.root, 'not', 'yet', 'hub')
    const found = await createNodeProbe({ hubCache, tools: toolsOn(''), cards: async () => [], labels: { zone: 'a' } }).inspect()
    expect(found.hostname).toBe(hostname())
    expect(found.cpus).toBeGreaterThanOrEqual(1)
    expect(found.cpus).toBeLessThanOrEqual(availableParallelism())
    expect(found.memoryTotalBytes).toBeLessThanOrEqual(totalmem())
    expect(found.memoryFreeBytes).toBeLessThanOrEqual(found.memoryTotalBytes)
    expect(found.memoryFreeBytes).toBeGreaterThan(0)
    expect(found.cacheDisk.path).toBe(hubCache)
    expect(found.cacheDisk.freeBytes).toBeLessThanOrEqual(found.cacheDisk.totalBytes)
    expect(found.cacheDisk.freeBytes).toBeGreaterThan(0)
    expect(found.backends.map(({ backend }) => backend)).toEqual(['llamacpp', 'vllm', 'sglang'])
    expect(found).toMatchObject({ labels: { zone: 'a' }, cachedModels: [] })
  })

  test('gives what its control group allows, and cached files count as free', async () => {
    await using machine = await createRoot({
      'proc/self/cgroup': '0::/system.slice/aim.service\n',
      'sys/fs/cgroup/system.slice/aim.service/cpu.max': '50000 100000\n',
      'sys/fs/cgroup/system.slice/aim.service/memory.max': `${100 * MiB}\n`,
      'sys/fs/cgroup/system.slice/aim.service/memory.current': `${90 * MiB}\n`,
      'sys/fs/cgroup/system.slice/aim.service/memory.stat': `anon ${30 * MiB}\ninactive_file ${60 * MiB}\n`,
    })
    expect(await inspectLimits(machine.root)).toEqual({ cpus: 1, memoryTotalBytes: 100 * MiB, memoryFreeBytes: 70 * MiB })
  })

  test('a control group without limits takes nothing away', async () => {
    await using free = await createRoot()
    await using machine = await createRoot({
      'proc/self/cgroup': '0::/\n',
      'sys/fs/cgroup/cpu.max': 'max 100000\n',
      'sys/fs/cgroup/memory.max': 'max\n',
    })
    const { cpus, memoryTotalBytes } = await inspectLimits(machine.root)
    expect({ cpus, memoryTotalBytes }).toEqual({
      cpus: availableParallelism(),
      memoryTotalBytes: (await inspectLimits(free.root)).memoryTotalBytes,
    })
  })
})

describe('backends', () => {
  const node = process.execPath

  test('llamacpp is ready where its package and our server are', async () => {
    await using folder = await createRoot({ 'main.js': '' })
    const [llamacpp] = inspectBackends({ node, llamacppServer: join(folder.root, 'main.js'), vllm: null, sglang: null })
    expect(llamacpp).toEqual({ backend: 'llamacpp', ready: true, version: expect.stringMatching(/^\d+\.\d+\.\d+/) })
  })

  test('llamacpp without our server is not', () => {
    const [llamacpp] = inspectBackends({ node, llamacppServer: '/nowhere/main.js', vllm: null, sglang: null })
    expect(llamacpp).toMatchObject({ ready: false, reason: '/nowhere/main.js is missing', fix: 'npm run build' })
  })

  test('vllm is found on PATH, with the version that lies beside it, also through a link', async () => {
    await using venv = await createRoot({
      'bin/vllm': '#!/bin/sh\n',
      'lib/python3.12/site-packages/vllm-0.32.0+cpu.dist-info/METADATA': '',
    })
    await chmod(join(venv.root, 'bin/vllm'), 0o755)
    await using links = await createRoot()
    await symlink(join(venv.root, 'bin/vllm'), join(links.root, 'vllm'))
    const tools = toolsOn(`.:/nowhere:${links.root}`)
    expect(tools.vllm).toBe(join(links.root, 'vllm'))
    expect(inspectBackends(tools)[1]).toEqual({ backend: 'vllm', ready: true, version: '0.32.0+cpu' })
  })

  test('a vllm without metadata is ready, and its version is not guessed', async () => {
    await using folder = await createRoot({ 'bin/vllm': '#!/bin/sh\n' })
    await chmod(join(folder.root, 'bin/vllm'), 0o755)
    expect(inspectBackends(findTools({ vllmBin: join(folder.root, 'bin/vllm'), sglangBin: undefined }))[1]).toEqual({
      backend: 'vllm',
      ready: true,
      version: 'unknown',
    })
  })

  test('no vllm, or one that cannot run, is said with what to do', async () => {
    await using folder = await createRoot({ vllm: 'no program' })
    expect(toolsOn(folder.root).vllm).toBeNull()
    const fix = expect.stringContaining('AIM_VLLM_BIN')
    expect(inspectBackends(toolsOn(''))[1]).toMatchObject({
      ready: false,
      reason: '`vllm` is not on PATH',
      fix,
    })
    const [, configured] = inspectBackends(findTools({ vllmBin: join(folder.root, 'vllm'), sglangBin: undefined }))
    expect(configured).toMatchObject({ ready: false, reason: expect.stringContaining(folder.root), fix })
  })

  test('sglang is looked for like vllm', async () => {
    await using venv = await createRoot({
      'bin/sglang': '#!/bin/sh\n',
      'lib/python3.12/site-packages/sglang-0.5.23.dist-info/METADATA': '',
    })
    await chmod(join(venv.root, 'bin/sglang'), 0o755)
    expect(inspectBackends(toolsOn(join(venv.root, 'bin')))[2]).toEqual({ backend: 'sglang', ready: true, version: '0.5.23' })
    expect(inspectBackends(toolsOn(''))[2]).toMatchObject({ ready: false, fix: expect.stringContaining('AIM_SGLANG_BIN') })
  })
})

describe('models on this node', () => {
  const commit = 'c'.repeat(40)

  test('are those whose weights are whole', async () => {
    await using cache = await createRoot({
      'models--org--whole/refs/main': commit,
      [`models--org--whole/snapshots/${commit}/config.json`]: '{}',
      'models--org--on-its-way/refs/main': commit,
      [`models--org--on-its-way/snapshots/${commit}/config.json`]: '{}',
      'models--org--on-its-way/blobs/abc.incomplete': '',
      'models--org--empty/refs/main': commit,
      'models--org--no-ref/snapshots/x/config.json': '{}',
      'datasets--org--data/refs/main': commit,
      'version.txt': '1',
    })
    expect(await listCachedModels(cache.root)).toEqual(['org/whole'])
  })

  test('are none where there is no cache', async () => {
    await using folder = await createRoot()
    expect(await listCachedModels(join(folder.root, 'nowhere'))).toEqual([])
  })
})
