import type { ModelFacts, ModelVariant } from '../model.js'
import type { WeightFormat } from '../recipe.js'
import { chooseFiles } from '../weight-files.js'
import { keeping } from './keeping.js'
import { compare } from './text.js'

/** Weights need this much more memory than their size: the common estimate of vLLM's recipes, where no formula applies. */
export const MEMORY_FACTOR = 1.2

/** The weights that a recipe loads. `variant` is null when nobody knows their precision; `modelFile` is the one file to load (GGUF). */
export type Weights = { repo: string; variant: ModelVariant | null; bytes: number; modelFile?: string }
export type FindWeights = (repo: string, format: WeightFormat) => Weights | { problem: string }

/** Hubs do not tell letters apart by their case, so recipes may write a name as they like. `*` is the named repository. */
function nameOf(repo: string, model: ModelFacts): string {
  const wanted = repo.toLowerCase()
  const known = [model.repo, ...model.variants.map((variant) => variant.repo)]
  return known.find((name) => name.toLowerCase() === wanted) ?? model.repo
}

/** Looks each repository and format up once in a plan. `file` is the one that was asked for. */
export function weightsFinder(model: ModelFacts, file: string | undefined): FindWeights {
  const files = model.files?.toSorted((a, b) => compare(a.path, b.path)) ?? null
  const sorted = { ...model, files }
  const known = keeping((format: WeightFormat) => keeping((repo: string) => find(sorted, nameOf(repo, model), format, file)))
  return (repo, format) => known(format)(repo)
}

/** By the files of the named repository where they are known, else by what the catalogue says of its size. */
function find(model: ModelFacts, repo: string, format: WeightFormat, file: string | undefined): ReturnType<FindWeights> {
  const variant = model.variants.find((entry) => entry.repo === repo) ?? null
  if (repo === model.repo && model.files !== null) {
    const choice = chooseFiles(format, model.files, file)
    if ('problem' in choice) return choice
    const wanted = new Set(choice.files)
    const bytes = model.files.reduce((sum, entry) => sum + (wanted.has(entry.path) ? entry.size : 0), 0)
    return { repo, variant, bytes, ...(choice.main !== undefined && { modelFile: choice.main }) }
  }
  if (format === 'gguf') return { problem: `which GGUF files ${repo} has is not known` }
  if (file !== undefined) return { problem: `loads a whole repository, not one file (${file})` }
  if (variant === null) return { problem: `the size of the weights of ${repo} is not known` }
  return { repo, variant, bytes: variant.weightBytes }
}
