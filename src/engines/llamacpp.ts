import { isInsideRepository } from '../contracts/names.js'
import type { EngineSpec } from '../domain/engine.js'
import { classify } from './classify.js'
import { compose } from './compose.js'
import type { Engine } from './engine.js'
import { invalid, renderFlags } from './flags.js'
import { LLAMACPP_METRICS } from './metrics.js'
import { NO_WORDS, plain } from './words.js'

/** llama.cpp on the CPU, through our own OpenAI-compatible server: one GGUF file, one process. It has few flags: `src/llamacpp-server/options.ts`. */
export const llamacpp: Engine = {
  backend: 'llamacpp',
  formats: ['gguf'],
  words: { ...NO_WORDS, maxSequences: plain('parallel') },
  reserved: {},
  endpoints: { ready: '/health', alive: '/health', aliveSeconds: 5, models: '/v1/models', metrics: '/metrics' },
  metrics: LLAMACPP_METRICS,
  command(spec, tools, { host, port }) {
    if (spec.gpus.length > 0) throw invalid('gpus', 'the llamacpp backend runs on the CPU')
    const { settings, args, env } = compose(llamacpp, spec)
    const flags = {
      model: modelFile(spec),
      'served-model-name': spec.servedName,
      host,
      port,
      ...settings,
      ...args,
      ...(spec.context === undefined ? {} : { context: spec.context }),
    }
    return { argv: [tools.node, tools.llamacppServer, ...renderFlags(flags)], env }
  },
  classify: (end) => classify('llamacpp', end),
  // It allocates for the context that it was told, so its log has no news.
  readMemory: () => null,
}

function modelFile(spec: EngineSpec): string {
  if (spec.modelFile === undefined) throw invalid('modelFile', 'llamacpp loads one GGUF file: name it')
  if (!isInsideRepository(spec.modelFile)) throw invalid('modelFile', 'must be a path inside the snapshot')
  return `${spec.modelPath}/${spec.modelFile}`
}
