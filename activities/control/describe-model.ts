import type { PinnedModel } from '../../src/contracts/model.js'
import { factsFromCatalogue } from '../../src/domain/catalogue.js'
import { readModelConfig } from '../../src/domain/model-config.js'
import type { ModelFacts } from '../../src/domain/model.js'
import type { Hub } from '../../src/ports/hub.js'
import type { Recipes } from '../../src/ports/recipes.js'
import { readJson } from './read-json.js'
import { topWeightBytes, weightBytesOf } from './weight-bytes.js'

type Ports = { hub: Hub; recipes: Recipes }

/** What a plan needs to know of a pinned model: from the catalogue, else from its own config.json. Sizes are those of the hub. */
export async function describeModel({ hub, recipes }: Ports, model: PinnedModel, signal?: AbortSignal): Promise<ModelFacts> {
  const catalogued = factsFromCatalogue(model.repo, await recipes.models())
  if (catalogued !== null) return withHubSizes(catalogued, model)
  const known = { repo: model.repo, files: model.files, parsers: {}, origin: 'hub' } as const
  const nothing = { ...known, shape: null, variants: [], remoteCode: false }
  const file = model.files.find(({ path }) => path === 'config.json')
  if (topWeightBytes(model) === 0 || file === undefined)
    return { ...nothing, unknown: 'the repository has no safetensors with a config.json' }
  const weightBytes = await weightBytesOf(hub, model, signal)
  if (typeof weightBytes !== 'number') return { ...nothing, ...weightBytes }
  const config = readModelConfig(await readJson(hub, model, file, signal), weightBytes)
  if ('unknown' in config) return { ...nothing, unknown: config.unknown }
  const { shape, precision, method, block, remoteCode, loadedBytes } = config
  const variant = { repo: model.repo, precision, method, block, weightBytes: loadedBytes, gated: false, cards: null }
  return { ...known, shape, unknown: null, variants: [variant], remoteCode }
}

/** What lies on the hub is truer than what the catalogue computed. */
function withHubSizes(facts: ModelFacts, model: PinnedModel): ModelFacts {
  const weightBytes = topWeightBytes(model)
  const variants = facts.variants.map((variant, index) => (index === 0 && weightBytes > 0 ? { ...variant, weightBytes } : variant))
  return { ...facts, variants, files: model.files }
}
