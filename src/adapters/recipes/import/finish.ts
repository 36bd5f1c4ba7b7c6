import { RecipeFile } from '../../../contracts/recipe.js'
import type { Parallelism } from '../../../domain/engine.js'
import type { RecipeProblem } from '../../../ports/recipes.js'
import { brokenRules, without, type Known, type RecipeData } from '../recipe-rules.js'
import type { YamlPath, YamlSource } from '../yaml-source.js'
import type { Draft, ForeignValue, Imported, Remark } from './draft.js'
import { meaningOf, settingFrom, type Meaning } from './flag-map.js'

/** A draft with its flags mapped. `places`: field of ours to where it was read. */
type Mapped = {
  context?: unknown
  parallel: Partial<Record<keyof Parallelism, unknown>>
  settings: Record<string, unknown>
  args: Record<string, unknown>
  places: Map<string, YamlPath>
  remarks: Remark[]
}

/** Maps the flags of a draft and checks the recipe that it becomes: with all that was left out, or refused for what cannot be left out. */
export function finish(draft: Draft, source: YamlSource, known: Known): Imported | { problems: RecipeProblem[] } {
  const mapped = mapFlags(draft)
  const { places, remarks } = mapped
  const place = (path: YamlPath): YamlPath => places.get(path.slice(0, 2).join('.')) ?? places.get(String(path[0])) ?? []
  const parsed = RecipeFile.safeParse(rawRecipe(draft, mapped, known))
  if (!parsed.success) return { problems: parsed.error.issues.map(({ path, message }) => source.problemAt(place(path), message)) }
  let recipe: RecipeData = parsed.data
  const fatal: RecipeProblem[] = []
  for (const { path, rule } of brokenRules(recipe, known)) {
    const rest = without(recipe, path)
    if (rest === null) fatal.push(source.problemAt(place(path), rule))
    else {
      recipe = rest
      remarks.push({ path: place(path), text: `left out: ${rule}` })
    }
  }
  if (fatal.length > 0) return { problems: fatal }
  return { id: draft.id, recipe, remarks: [...draft.remarks, ...remarks].map(({ path, text }) => source.problemAt(path, text)) }
}

function rawRecipe({ model, precision, backend, hardware, objective, source, env }: Draft, mapped: Mapped, { catalogues }: Known): unknown {
  const { context, parallel, settings, args } = mapped
  const version = catalogues.findLast((catalogue) => catalogue.backend === backend)?.version ?? null
  return {
    model,
    precision,
    backend,
    version,
    format: 'safetensors',
    hardware,
    parallel,
    objective,
    ...(context !== undefined && { context }),
    settings,
    args,
    env: Object.fromEntries(env.map(({ name, value }) => [name, String(value)])),
    source,
  }
}

function mapFlags({ backend, flags, env, hardware, places }: Draft): Mapped {
  const mapped: Mapped = { parallel: {}, settings: {}, args: {}, places: new Map(Object.entries(places)), remarks: [] }
  for (const { name, path } of env) mapped.places.set(`env.${name}`, path)
  const names = new Set(flags.map(({ name }) => name))
  for (const flag of flags) {
    if (flag.value === false) mapped.remarks.push({ path: flag.path, text: 'left out, as a false one is there' })
    else take(flag, meaningOf(backend, flag.name), names, mapped)
  }
  if (hardware.kind === 'gpu' && hardware.count > 1 && Object.keys(mapped.parallel).every((way) => way === 'expert')) {
    mapped.parallel.tensor = hardware.count
    mapped.remarks.push({ path: places.hardware, text: `no parallelism is said: tensor parallel over all ${hardware.count} GPUs` })
  }
  return mapped
}

/** One flag. A bare switch has no value. */
function take({ name, value, path }: ForeignValue, meaning: Meaning | null, names: ReadonlySet<string>, mapped: Mapped): void {
  const { places, remarks } = mapped
  if (meaning === null) return takeFlag({ name, value, path }, mapped)
  if ('ours' in meaning) return void remarks.push({ path, text: meaning.ours })
  if ('with' in meaning) {
    if (!names.has(meaning.with)) remarks.push({ path, text: `left out: does nothing without ${meaning.with}` })
  } else if ('context' in meaning) {
    mapped.context = value
    places.set('context', path)
  } else if ('parallel' in meaning) {
    mapped.parallel[meaning.parallel] = meaning.value ?? value
    places.set(`parallel.${meaning.parallel}`, path).set('parallel', path)
  } else {
    const found = settingFrom(meaning.setting, meaning.value ?? value)
    if ('rule' in found) return void remarks.push({ path, text: `left out: ${JSON.stringify(value)}: ${found.rule}` })
    mapped.settings[meaning.setting] = found.value
    places.set(`settings.${meaning.setting}`, path)
    if (meaning.remark !== undefined) remarks.push({ path, text: meaning.remark })
  }
}

function takeFlag({ name, value, path }: ForeignValue, { args, places, remarks }: Mapped): void {
  if (Array.isArray(value)) return void remarks.push({ path, text: 'left out: a recipe has no form for a flag of several values' })
  args[name] = value === null ? true : typeof value === 'object' ? JSON.stringify(value) : value
  places.set(`args.${name}`, path)
}
