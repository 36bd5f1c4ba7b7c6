import type { Backend } from '../domain/engine.js'

/** Images that AMD or the projects publish, and the version that each holds. Null: every version has one, `{version}` is its tag. */
const PUBLISHED: readonly { backend: Backend; version: string | null; image: string }[] = [
  { backend: 'vllm', version: '0.23.0', image: 'rocm/vllm:rocm7.14.0_cdna_ubuntu24.04_py3.14_pytorch_2.11.0_vllm_0.23.0' },
  { backend: 'vllm', version: null, image: 'vllm/vllm-openai-rocm:v{version}' },
  { backend: 'sglang', version: '0.5.13.post1', image: 'rocm/sgl-dev:v0.5.13.post1-ubuntu24.04-py3.14-rocm7.14' },
]

/** The published image of this version for AMD GPUs; null when none is known: a recipe must name its own. */
export function defaultImage(backend: Backend, version: string | null): string | null {
  if (version === null) return null
  const found = PUBLISHED.find((row) => row.backend === backend && (row.version === null || row.version === version))
  return found?.image.replace('{version}', version) ?? null
}
