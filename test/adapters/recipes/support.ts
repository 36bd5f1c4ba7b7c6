import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'

/** A folder with these files, gone again when the test ends. */
export async function folderOf(files: Record<string, string>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'aim-recipes-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), text)
  }
  return folder
}

const card = (name: string, arch: string, vram: number, fp8: string): string => `
  - name: ${name}
    arch: ${arch}
    deviceIds: [0x1234]
    vramGiB: { value: ${vram}, source: sheet }
    fp8: { value: ${fp8}, source: sheet }
    mxfp4: { value: false, source: sheet }`

/** A hardware table of three cards. */
export const HARDWARE = `sources:
  sheet: data sheet
cards:${card('MI210', 'gfx90a', 64, 'null')}${card('MI300X', 'gfx942', 192, 'fnuz')}${card('RX 7900 XTX', 'gfx1100', 24, 'null')}
`

/** A catalogue of a backend that knows few flags. */
const VLLM_CATALOGUE = JSON.stringify({
  backend: 'vllm',
  version: '0.32.0',
  platform: 'rocm',
  source: 'written for tests',
  flags: [
    { name: 'block-size', kind: 'value', type: 'int' },
    { name: 'enable-log-requests', kind: 'pair' },
    { name: 'tensor-parallel-size', kind: 'value', type: 'int' },
    { name: 'max-num-seqs', kind: 'value', type: 'int' },
  ],
  values: {},
})

export const MODEL = `name: Tiny
shape:
  architecture: LlamaForCausalLM
  layers: 32
  hidden: 4096
  intermediate: 14336
  vocab: 128256
  attention: { kind: grouped, heads: 32, kvHeads: 8, headDim: 128 }
  maxContext: 131072
  tiedEmbeddings: false
  parameters: { total: 8000000000, active: 8000000000, experts: 0 }
variants:
  - { repo: org/tiny, precision: bf16, weightBytes: 16000000000, gated: false, source: hub }
  - { repo: org/tiny-fp8, precision: fp8, weightBytes: 8000000000, gated: false, source: hub }
licence: { name: Apache-2.0, gated: false }
parsers:
  vllm: { tools: hermes, reasoning: null }
  sglang: { tools: null, reasoning: null }
remoteCode: false
sources: [hub]
`

export const RECIPE = `model: org/tiny
precision: bf16
backend: vllm
version: 0.32.0
format: safetensors
hardware: { kind: gpu, count: 2, cards: [MI300X] }
parallel: { tensor: 2 }
objective: latency
settings:
  maxSequences: 64
args:
  block-size: 16
source: a page
`

export const COMMON = { 'hardware.yaml': HARDWARE, 'engines/vllm-0.32.0.json': VLLM_CATALOGUE, 'models/tiny.yaml': MODEL }
