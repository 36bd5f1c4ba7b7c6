import type { Backend } from './engine.js'
import type { ModelFacts, ModelShape, ModelVariant, Parsers } from './model.js'

/** One model of the catalogue, in all its precisions. */
export type CatalogueEntry = {
  shape: ModelShape
  variants: ModelVariant[]
  parsers: Partial<Record<Backend, Parsers>>
  remoteCode: boolean
}

/** What the catalogue knows of a repository, in any case of its letters; its own variant first. Null: it is in no entry. */
export function factsFromCatalogue(repo: string, models: readonly CatalogueEntry[]): ModelFacts | null {
  const isNamed = (variant: ModelVariant): boolean => variant.repo.toLowerCase() === repo.toLowerCase()
  const entry = models.find(({ variants }) => variants.some(isNamed))
  if (entry === undefined) return null
  const { shape, variants, parsers, remoteCode } = entry
  const ordered = [...variants.filter(isNamed), ...variants.filter((variant) => !isNamed(variant))]
  return {
    repo: ordered[0]?.repo ?? repo,
    shape,
    unknown: null,
    variants: ordered.map(({ repo: name, precision, method, block, weightBytes, gated, cards }) => ({
      repo: name,
      precision,
      method,
      block,
      weightBytes,
      gated,
      cards,
    })),
    files: null,
    parsers,
    remoteCode,
    origin: 'catalogue',
  }
}
