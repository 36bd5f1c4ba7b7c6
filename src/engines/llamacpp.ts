import { AimError } from '../contracts/errors.js'
import { isInsideRepository } from '../contracts/names.js'
import type { EngineSpec } from '../domain/engine.js'
import { classify } from './classify.js'
import type { Engine } from './engine.js'
import { checkedExtras, renderFlags } from './flags.js'

/** llama.cpp on the CPU, through our own OpenAI-compatible server: one GGUF file, one process. */
export const llamacpp: Engine = {
  backend: 'llamacpp',
  formats: ['gguf'],
  command(spec, tools, { host, port }) {
    const { args, env } = checkedExtras(spec)
    if (spec.gpus.length > 0) throw new AimError('InvalidInput', { field: 'gpus', rule: 'the llamacpp backend runs on the CPU' })
    const flags = {
      model: modelFile(spec),
      'served-model-name': spec.servedName,
      host,
      port,
      ...args,
      ...(spec.context === undefined ? {} : { context: spec.context }),
    }
    return { argv: [tools.node, tools.llamacppServer, ...renderFlags(flags)], env }
  },
  classify: (end) => classify('llamacpp', end),
}

function modelFile(spec: EngineSpec): string {
  if (spec.modelFile === undefined)
    throw new AimError('InvalidInput', { field: 'modelFile', rule: 'llamacpp loads one GGUF file: name it' })
  if (!isInsideRepository(spec.modelFile))
    throw new AimError('InvalidInput', { field: 'modelFile', rule: 'must be a path inside the snapshot' })
  return `${spec.modelPath}/${spec.modelFile}`
}
