import { readFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { engines } from '../../src/engines/index.js'
import { installParser, type ParserBackend } from '../support/parsers.js'

/** Where the installed packages have what we read and ask for. */
const SOURCES = {
  vllm: {
    paths: ['entrypoints/serve/instrumentator/health.py', 'entrypoints/openai/models/api_router.py'],
    metrics: ['v1/metrics/loggers.py'],
    log: ['v1/worker/gpu_worker.py', 'v1/worker/cpu_worker.py', 'v1/core/kv_cache_utils.py'],
    words: ['Available KV cache memory: %s GiB', '%s KV cache size: %s tokens, ', 'Explicitly set (', ') GiB for KV cache '],
  },
  sglang: {
    paths: ['srt/entrypoints/http_server.py'],
    metrics: ['srt/observability/metrics_collector.py'],
    log: ['srt/mem_cache/memory_pool.py', 'srt/model_executor/model_runner_components/kv_pool_runtime.py'],
    words: ['is allocated', '#tokens: ', 'K size: ', 'V size: ', 'KV size: ', 'Post-capture KV sizing: KV cache allocated.'],
  },
} satisfies Record<ParserBackend, Record<string, string[]>>

let folders: Record<ParserBackend, string>

beforeAll(async () => {
  const { python } = await installParser('vllm')
  const { env } = await installParser('sglang')
  const lib = join(dirname(dirname(python)), 'lib')
  const [version = ''] = await readdir(lib)
  folders = { vllm: join(lib, version, 'site-packages/vllm'), sglang: join((env['PYTHONPATH'] ?? '').split(':')[0] ?? '', 'sglang') }
}, 1_800_000)

const read = (backend: ParserBackend, files: readonly string[]): string =>
  files.map((file) => readFileSync(join(folders[backend], file), 'utf8')).join('\n')

describe.each(Object.keys(SOURCES) as ParserBackend[])('the installed %s has', (backend) => {
  test('the paths that we ask', () => {
    const { ready, alive, models } = engines[backend].endpoints
    const text = read(backend, SOURCES[backend].paths)
    for (const path of [ready, alive, models]) expect(text).toContain(`"${path}"`)
  })

  test('the metrics that we read; the Python client adds `_total` to the names of counters', () => {
    const text = read(backend, SOURCES[backend].metrics)
    const names = Object.values(engines[backend].metrics ?? {}).flatMap((name) =>
      typeof name === 'string' ? [name] : Object.values(name ?? {}),
    )
    expect(names.length).toBeGreaterThan(10)
    const missing = names.filter((name) => !text.includes(`"${name}"`) && !text.includes(`"${name.replace(/_total$/, '')}"`))
    expect(missing).toEqual([])
  })

  test('the lines of its log that we read', () => {
    const text = read(backend, SOURCES[backend].log)
    expect(SOURCES[backend].words.filter((words) => !text.includes(words))).toEqual([])
  })
})
