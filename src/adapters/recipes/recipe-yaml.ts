import { stringify } from 'yaml'
import type { Recipe } from '../../domain/recipe.js'

/** The file of a recipe, as a person would write it: in the order of the guide, without what is the default. */
export function recipeYaml({
  model,
  precision,
  backend,
  version,
  format,
  hardware,
  parallel,
  objective,
  ...rest
}: Omit<Recipe, 'id' | 'origin'>): string {
  const { context, settings, args, env, image, command, benchmarks, source } = rest
  const { tensor, pipeline, data, expert } = parallel
  const spread = { ...(tensor > 1 && { tensor }), ...(pipeline > 1 && { pipeline }), ...(data > 1 && { data }), ...(expert && { expert }) }
  const fields = {
    model,
    precision,
    backend,
    version,
    format,
    hardware,
    parallel: spread,
    objective,
    context,
    settings,
    args,
    env,
    image,
    command,
    benchmarks,
    source,
  }
  const said = Object.entries(fields).filter(([, value]) => value !== undefined && value !== null && !isEmpty(value))
  return stringify(Object.fromEntries(said), { lineWidth: 0, aliasDuplicateObjects: false })
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0
}
