import { expect, test } from 'vitest'
import type { CachedRepository } from '../../../src/domain/cache/contents.js'
import { followedBranches } from '../../../src/domain/cache/followed.js'
import { FakeCache } from '../../support/fake-caches.js'

const [OLD, NEW] = ['1', '2'].map((digit) => digit.repeat(40)) as [string, string]

function cacheOf(...entries: Parameters<FakeCache['follows']>[]): CachedRepository[] {
  const cache = new FakeCache()
  for (const entry of entries) cache.follows(...entry)
  return cache.repositories
}

test('branches of models with what of their weights lies here, by name', () => {
  const found = followedBranches(
    cacheOf(['org/b', 'main', OLD, ['q8.gguf', 'q4.gguf']], ['org/a', 'v1', NEW, ['config.json', 'model.safetensors']]),
  )
  expect(found).toEqual([
    { model: 'org/a', ref: 'v1', commit: NEW, format: 'safetensors' },
    { model: 'org/b', ref: 'main', commit: OLD, format: 'gguf', file: 'q4.gguf' },
    { model: 'org/b', ref: 'main', commit: OLD, format: 'gguf', file: 'q8.gguf' },
  ])
})

test('a commit, a repository without weights or without an organisation, and a dataset are not followed', () => {
  const [dataset] = cacheOf(['datasets/org/d', 'main', OLD, ['x.safetensors']])
  const others = cacheOf(
    ['org/pinned', OLD, OLD],
    ['org/tokenizer', 'main', OLD, ['tokenizer.json']],
    ['gpt2', 'main', OLD, ['model.safetensors']],
  )
  expect(followedBranches([{ ...dataset!, type: 'dataset' }, ...others])).toEqual([])
})

test('a branch whose commit is not here any more is not followed', () => {
  const [repository] = cacheOf(['org/a', 'main', OLD])
  expect(followedBranches([{ ...repository!, refs: { main: NEW } }])).toEqual([])
})
