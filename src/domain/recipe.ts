import type { Backend } from './engine.js'

/** How weights are stored: what a backend must be able to load. */
export type WeightFormat = 'gguf' | 'safetensors'

/** How one model runs on one kind of hardware. Plain data, read from YAML. `model` is a repository or `*` for any. */
export type Recipe = {
  id: string
  model: string
  backend: Backend
  format: WeightFormat
  hardware: { kind: 'cpu' } | { kind: 'gpu'; count: number; arch: string[] }
  context?: number
  args: Record<string, string | number | boolean>
  env: Record<string, string>
}
