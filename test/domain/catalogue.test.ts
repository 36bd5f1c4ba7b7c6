import { expect, test } from 'vitest'
import { factsFromCatalogue, type CatalogueEntry } from '../../src/domain/catalogue.js'
import type { ModelVariant } from '../../src/domain/model.js'

const variant = (repo: string, precision: ModelVariant['precision']): ModelVariant => ({
  repo,
  precision,
  method: null,
  block: null,
  weightBytes: 16e9,
  gated: false,
  cards: null,
})
const entry: CatalogueEntry = {
  shape: {
    architecture: 'LlamaForCausalLM',
    layers: 32,
    hidden: 4096,
    intermediate: 14336,
    vocab: 128256,
    attention: { kind: 'grouped', heads: 32, kvHeads: 8, headDim: 128 },
    windowed: null,
    experts: null,
    maxContext: 131072,
    tiedEmbeddings: false,
    parameters: { total: 8e9, active: 8e9, experts: 0 },
  },
  variants: [variant('org/Model', 'bf16'), variant('amd/Model-FP8', 'fp8'), variant('org/Model-Int4', 'int4')],
  parsers: { vllm: { tools: 'hermes', reasoning: null } },
  remoteCode: true,
}

test('the named repository comes first, the same model in other precisions after it', () => {
  const facts = factsFromCatalogue('amd/Model-FP8', [{ ...entry, variants: [variant('x/y', 'bf16')] }, entry])
  expect(facts).toMatchObject({ repo: 'amd/Model-FP8', origin: 'catalogue', files: null, remoteCode: true, parsers: entry.parsers })
  expect(facts?.variants.map(({ repo }) => repo)).toEqual(['amd/Model-FP8', 'org/Model', 'org/Model-Int4'])
})

test('letters of a repository may be in any case, and the catalogue spells it', () => {
  expect(factsFromCatalogue('ORG/model-int4', [entry])?.repo).toBe('org/Model-Int4')
})

test('what is in no entry is not known', () => {
  expect(factsFromCatalogue('org/Mode', [entry])).toBeNull()
  expect(factsFromCatalogue('org/Model', [])).toBeNull()
})

test('only what a plan needs crosses over', () => {
  const extra = { ...entry, variants: entry.variants.map((each) => ({ ...each, source: 'somewhere' })) }
  for (const each of factsFromCatalogue('org/Model', [extra])?.variants ?? []) expect(each).not.toHaveProperty('source')
})
