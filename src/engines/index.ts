import type { Backend, EngineCommand, EngineSpec } from '../domain/engine.js'
import { custom } from './custom.js'
import type { Bind, Engine, EngineTools } from './engine.js'
import { llamacpp } from './llamacpp.js'
import { sglang } from './sglang.js'
import { vllm } from './vllm.js'

export type { Bind, Engine, EngineTools } from './engine.js'
export { configurationProblem } from './configuration-problem.js'
export { flagProblem } from './flag-problem.js'
export { defaultImage } from './images.js'

/** Every backend by its name. */
export const engines: Readonly<Record<Backend, Engine>> = { llamacpp, vllm, sglang, custom }

/** What an engine that was started by an earlier version says nothing of. */
const UNSAID = { parallel: { tensor: 1, pipeline: 1, data: 1, expert: false }, settings: {} }

/** What a launcher needs to know of all backends: how a spec becomes a command on a node with these tools. */
export function commandWith(tools: EngineTools): (spec: EngineSpec, bind: Bind) => EngineCommand {
  return (spec, bind) => engines[spec.backend].command({ ...UNSAID, ...spec }, tools, bind)
}
