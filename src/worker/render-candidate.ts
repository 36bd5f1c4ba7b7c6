import { existsSync } from 'node:fs'
import { findTools } from '../adapters/probe/index.js'
import { pathsOf } from '../config/paths.js'
import type { Settings } from '../config/settings.js'
import { AimError } from '../contracts/errors.js'
import type { Backend } from '../domain/engine.js'
import { engineSpec } from '../domain/placement.js'
import type { Candidate } from '../domain/plan.js'
import type { RenderKind } from '../domain/render-kinds.js'
import { defaultImage, engines, type EngineTools } from '../engines/index.js'
import { hostFor, render } from '../engines/render/index.js'
import { shellWord } from '../engines/render/shell.js'
import { recipesOf } from './recipes.js'

/** Stands for the commit where nobody asked the hub for it. */
const UNKNOWN_COMMIT = 'COMMIT'
const PORT = 8000
/** Programs by their bare names: those of an image, and those that this machine does not have. */
const BARE = { node: 'node', llamacppServer: 'llamacpp-server', vllm: 'vllm', sglang: 'sglang' } satisfies EngineTools
const PROGRAMS = { llamacpp: ['node', 'llamacppServer'], vllm: ['vllm'], sglang: ['sglang'], custom: [] } as const satisfies Record<
  Backend,
  readonly (keyof EngineTools)[]
>

/** `commit` is that of the model that was named, `model`. */
type Asked = { candidates: readonly Candidate[]; name: string; model: { repo: string; commit: string | null }; kind: RenderKind }
type Rendered = { text: string; candidate: Candidate; notes: string[] }

/**
 * The first candidate of a plan that has such a form, as something to run elsewhere: the very command that a deploy would start.
 * @throws AimError `InvalidInput` when none has
 */
export async function renderFirst(settings: Settings, asked: Asked): Promise<Rendered> {
  const { candidates, kind } = asked
  const at = kind === 'command' ? 0 : candidates.findIndex((candidate) => imageOf(candidate) !== null)
  const [first, candidate] = [candidates[0], candidates[at]]
  if (candidate === undefined) throw noImage(kind, first)
  const { text, notes } = await renderCandidate(settings, asked, candidate)
  const passed =
    at > 0 && first !== undefined
      ? [`number 1 (${first.recipe}) has no ${kind} form: ${withoutImage(first)}; this is number ${at + 1}`]
      : []
  return { text, candidate, notes: [...passed, ...notes] }
}

async function renderCandidate(
  settings: Settings,
  { name, model, kind }: Asked,
  candidate: Candidate,
): Promise<Omit<Rendered, 'candidate'>> {
  const facts = (await recipesOf(settings).hardware()).find(({ name: known }) => known === candidate.card)
  const { backend, model: repo, node, card } = candidate
  const { hubCache } = pathsOf(settings)
  // The commit of one repository says nothing of another.
  const commit = repo === model.repo ? model.commit : null
  const modelPath = `${hubCache}/models--${repo.replace('/', '--')}/snapshots/${commit ?? UNKNOWN_COMMIT}`
  const spec = engineSpec(candidate, name, modelPath, PORT)
  const bind = { host: hostFor(kind), port: PORT }
  const { tools, missing } = kind === 'command' ? toolsHere(settings, backend) : { tools: BARE, missing: [] }
  const engine = engines[backend]
  const unknown = commit === null ? [`${UNKNOWN_COMMIT} stands for the commit of ${repo}: the hub was not asked`] : []
  const notes = [...unknown, ...missing.map((program) => `this machine has no ${program}: its bare name stands for it`)]
  const text = render(kind, {
    spec,
    command: engine.command(spec, tools, bind),
    bind,
    image: kind === 'command' ? null : imageOf(candidate),
    name,
    cachePath: hubCache,
    arch: facts?.arch ?? null,
    card,
    node,
    probe: { path: engine.endpoints.ready, timeoutSeconds: engine.endpoints.aliveSeconds },
    remarks: [weightsRemark(candidate, modelPath, commit, hubCache), ...notes],
  })
  return { text, notes }
}

/** The paths are those of the machine that planned. */
function weightsRemark({ model, modelFile, node }: Candidate, path: string, commit: string | null, hubCache: string): string {
  const words = [
    'hf',
    'download',
    model,
    ...(modelFile === undefined ? [] : [modelFile]),
    ...(commit === null ? [] : ['--revision', commit]),
  ]
  const download = [...words, '--cache-dir', hubCache].map(shellWord).join(' ')
  return `Weights of ${model} are expected on ${node} in ${path}: aim deploy brings them, or there: ${download}`
}

/** The programs of this machine for a backend; bare names for those that it does not have. */
function toolsHere(settings: Settings, backend: Backend): { tools: EngineTools; missing: string[] } {
  const here = findTools(settings)
  const missing = PROGRAMS[backend].filter((program) => !existsSync(here[program] ?? ''))
  return {
    tools: { ...here, ...Object.fromEntries(missing.map((program) => [program, BARE[program]])) },
    missing: missing.map((program) => BARE[program]),
  }
}

function imageOf({ backend, image, version }: Candidate): string | null {
  return image ?? defaultImage(backend, version)
}

function withoutImage({ backend, version }: Candidate): string {
  return `no image of ${[backend, version].filter((word) => word !== null).join(' ')} is published that we know`
}

function noImage(kind: RenderKind, first: Candidate | undefined): AimError {
  const why = first === undefined ? 'there is no candidate' : withoutImage(first)
  const others = 'try --backend vllm, name an image in a recipe of your own, or render it as command'
  return new AimError('InvalidInput', { field: '--render', rule: `no candidate can be rendered as ${kind}: ${why}; ${others}` })
}
