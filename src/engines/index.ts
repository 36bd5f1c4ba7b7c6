import type { Backend, EngineCommand, EngineSpec } from '../domain/engine.js'
import type { Bind, Engine, EngineTools } from './engine.js'
import { llamacpp } from './llamacpp.js'
import { vllm } from './vllm.js'

export type { Bind, Engine, EngineTools } from './engine.js'

/** Every backend by its name. */
export const engines: Readonly<Record<Backend, Engine>> = { llamacpp, vllm }

/** What a launcher needs to know of all backends: how a spec becomes a command on a node with these tools. */
export function commandWith(tools: EngineTools): (spec: EngineSpec, bind: Bind) => EngineCommand {
  return (spec, bind) => engines[spec.backend].command(spec, tools, bind)
}
