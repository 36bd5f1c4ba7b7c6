import { pathsOf } from '../config/paths.js'
import type { Settings } from '../config/settings.js'
import { AimError } from '../contracts/errors.js'
import { engineSpec } from '../domain/placement.js'
import type { Candidate } from '../domain/plan.js'
import type { RenderKind } from '../domain/render-kinds.js'
import { defaultImage, engines } from '../engines/index.js'
import { hostFor, render } from '../engines/render/index.js'
import { recipesOf } from './recipes.js'

/** Stands for the commit where nobody asked the hub for it. */
const UNKNOWN_COMMIT = 'COMMIT'
const PORT = 8000

type Asked = { candidate: Candidate; name: string; commit: string | null; kind: RenderKind }

/** The first choice of a plan as something to run elsewhere: the very command that a deploy would start. */
export async function renderCandidate(
  settings: Settings,
  { candidate, name, commit, kind }: Asked,
): Promise<{ text: string; notes: string[] }> {
  const card = (await recipesOf(settings).hardware()).find(({ name: known }) => known === candidate.card)
  const { backend, model } = candidate
  const { hubCache } = pathsOf(settings)
  const modelPath = `${hubCache}/models--${model.replace('/', '--')}/snapshots/${commit ?? UNKNOWN_COMMIT}`
  const spec = engineSpec(candidate, name, modelPath, PORT)
  const bind = { host: hostFor(kind), port: PORT }
  const tools = { node: 'node', llamacppServer: 'llamacpp-server', vllm: 'vllm', sglang: 'sglang' }
  const engine = engines[backend]
  const text = render(kind, {
    spec,
    command: engine.command(spec, tools, bind),
    bind,
    image: kind === 'command' ? null : imageOf(candidate),
    name,
    cachePath: hubCache,
    arch: card?.arch ?? null,
    probe: { path: engine.endpoints.ready, timeoutSeconds: engine.endpoints.aliveSeconds },
  })
  return { text, notes: commit === null ? [`${UNKNOWN_COMMIT} stands for the commit of ${model}: the hub was not asked`] : [] }
}

function imageOf({ backend, image, version, recipe }: Candidate): string {
  const known = image ?? defaultImage(backend, version)
  if (known !== null) return known
  throw new AimError('InvalidInput', {
    field: 'image',
    rule: `no image of ${backend} ${version ?? ''} is published that we know: name one in recipe ${recipe}`,
  })
}
