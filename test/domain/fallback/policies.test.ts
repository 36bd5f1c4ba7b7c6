import { describe, expect, test } from 'vitest'
import { ERRORS } from '../../../src/contracts/errors.js'
import { nextMove, type FallbackState, type Tried } from '../../../src/domain/fallback/next-move.js'
import { POLICIES, policyOf } from '../../../src/domain/fallback/policies.js'
import type { Candidate } from '../../../src/domain/plan.js'
import { classify } from '../../../src/engines/classify.js'
import { FAILURE_CLASSES } from '../../../src/engines/failure-classes.js'
import { aCandidate } from '../../support/plans.js'

/** One placement of each kind beside the first choice, and one that differs only in what the failure is not about. */
const first = aCandidate({
  recipe: 'first',
  model: 'org/big',
  precision: 'bf16',
  backend: 'vllm',
  format: 'safetensors',
  node: 'a',
  gpus: [0, 1],
  card: 'MI300X',
  weightBytes: 100,
  context: 8_192,
  contextFrom: 'request',
})
const PLACES: Record<string, Partial<Candidate>> = {
  'other GPUs': { gpus: [2, 3] },
  'other node': { node: 'b' },
  'other recipe': { recipe: 'second' },
  'more GPUs': { gpus: [0, 1, 2, 3] },
  'fewer GPUs': { gpus: [0] },
  'shorter context': { context: 4_096 },
  'other precision': { precision: 'fp8', model: 'org/big-fp8', weightBytes: 50 },
  'other backend': { recipe: 'sglang', backend: 'sglang' },
  'other hardware': { gpus: [4, 5], card: 'MI250X' },
}
const candidates = [first, ...Object.values(PLACES).map((change) => ({ ...first, ...change }))]
const nameOf = (candidate: Candidate) =>
  candidate === first ? 'again' : (Object.keys(PLACES)[candidates.indexOf(candidate) - 1] ?? `context ${candidate.context}`)

const state = (change: Partial<FallbackState> = {}): FallbackState => ({
  candidates,
  fallback: [],
  mode: 'meets',
  budget: { attempts: 50, minutes: 60 },
  asks: false,
  tried: [],
  spentMs: 0,
  answers: {},
  ...change,
})

/** Every try after the first one has failed in this way, and each after it again: in which order, and how it ends. */
function walk(failure: string): string[] {
  const tried: Tried[] = [{ candidate: first, failure }]
  const moves: string[] = []
  for (;;) {
    const move = nextMove(state({ tried }))
    if (move.do === 'stop') return [...moves, move.why]
    moves.push(nameOf(move.candidate))
    tried.push({ candidate: move.candidate, failure })
  }
}

const CLASSES = [...new Set(FAILURE_CLASSES.map(({ failure }) => failure))]
const SIGNALS = ['SIGKILL', 'SIGTERM', 'SIGSEGV', 'SIGABRT', 'SIGBUS', 'SIGILL', 'SIGHUP']
const OURS = Object.entries(ERRORS).filter(([, { group }]) => group === 'hub' || group === 'node' || group === 'engine')

describe('a policy is written down', () => {
  test.each(CLASSES)('for the class %s', (failure) => expect(POLICIES).toHaveProperty(failure))

  test.each(SIGNALS)('for an engine that ends with %s', (signal) => {
    expect(POLICIES).toHaveProperty(classify('vllm', { code: null, signal, logTail: [] }).failure)
  })

  test.each(OURS.map(([code]) => code))('for our own %s', (code) => expect(POLICIES).toHaveProperty(code))

  test('for nothing that does not exist', () => {
    const signals = SIGNALS.map((signal) => classify('vllm', { code: null, signal, logTail: [] }).failure)
    const known = [...CLASSES, ...signals, ...OURS.map(([code]) => code), 'gone', 'gpu_fault_again', 'InvalidInput', 'Internal']
    expect(Object.keys(POLICIES).filter((failure) => !known.includes(failure))).toEqual([])
  })

  test('and says how it ends', () => {
    for (const { end } of Object.values(POLICIES)) expect(end.length).toBeGreaterThan(10)
  })
})

/** What is tried after it, in order, where each of these fails in the same way. */
const WALKS: Record<string, string[]> = {
  no_gpu: ['other node', 'other hardware'],
  kfd_permission: ['other node', 'other hardware'],
  bad_flag: ['other recipe', 'other backend'],
  port_in_use: ['again', 'again', 'other node', 'other node', 'other node'],
  program_missing: ['other backend', 'other node'],
  unsupported_fp8_gfx90a: ['other precision', 'other hardware'],
  unsupported_quant_gpu: ['other precision', 'other hardware'],
  unsupported_quant_platform: ['other precision', 'other backend'],
  unsupported_dtype: ['other recipe', 'other precision', 'other backend', 'other hardware'],
  unsupported_model_arch: ['other backend'],
  unsupported_attention: ['other recipe', 'other backend', 'other hardware'],
  mla_block_size: ['other recipe', 'other backend', 'other hardware'],
  unsupported_gpu_arch: ['other backend', 'other hardware'],
  triton_shared_memory: ['other recipe', 'other backend', 'other hardware'],
  context_too_long: ['shorter context'],
  oom_startup_other_process: ['again', 'other GPUs', 'other GPUs', 'other hardware', 'other hardware', 'other node', 'other node'],
  oom_weights: ['more GPUs', 'other precision', 'other hardware'],
  oom_kv_len: ['more GPUs', 'other precision', 'shorter context', 'other backend', 'other hardware'],
  oom_kv_autofit: ['more GPUs', 'other precision', 'other hardware'],
  oom_no_kv: ['more GPUs', 'other precision', 'shorter context', 'other backend', 'other hardware'],
  oom_graph_capture: ['other recipe', 'more GPUs', 'other backend', 'shorter context', 'other precision', 'other hardware'],
  oom_runtime: ['more GPUs', 'other precision', 'shorter context', 'other backend', 'other hardware'],
  oom_host: ['other precision', 'shorter context', 'other node'],
  gpu_fault: ['other GPUs'],
  gpu_fault_again: ['other recipe', 'other backend'],
  collective_hang: ['fewer GPUs', 'other GPUs', 'other hardware', 'other node'],
  collective_hang_silent: ['fewer GPUs', 'other GPUs', 'other hardware', 'other node'],
  forward_watchdog: ['other recipe', 'other GPUs', 'other backend', 'other node', 'other precision', 'other hardware'],
  startup_timeout: [
    'again',
    'other recipe',
    'other recipe',
    'other GPUs',
    'other GPUs',
    'other backend',
    'other backend',
    'other node',
    'other node',
    'other precision',
    'other precision',
    'other hardware',
    'other hardware',
  ],
  missing_weights: ['other precision'],
  missing_model: ['other precision', 'other recipe', 'other backend'],
  killed: ['again', 'other node', 'other node', 'shorter context', 'shorter context', 'other precision', 'other precision'],
  terminated: ['again', 'other node', 'other node'],
  crashed: [
    'again',
    'other recipe',
    'other recipe',
    'other GPUs',
    'other GPUs',
    'other backend',
    'other backend',
    'other node',
    'other node',
    'other precision',
    'other precision',
    'other hardware',
    'other hardware',
  ],
  gone: ['again', 'other node', 'other node'],
  unknown: ['other recipe', 'other GPUs', 'other backend', 'other node', 'other precision', 'other hardware'],
  EngineExited: ['other recipe', 'other GPUs', 'other backend', 'other node', 'other precision', 'other hardware'],
  EngineStalled: ['other recipe', 'other GPUs', 'other backend', 'other node', 'other precision', 'other hardware'],
  EngineNotAnswering: ['other recipe', 'other GPUs', 'other backend', 'other node', 'other precision', 'other hardware'],
  BackendMissing: ['other backend', 'other node'],
  InvalidInput: ['other recipe', 'other backend'],
  PortTaken: ['again', 'again', 'other node', 'other node', 'other node'],
  OtherNode: ['other node'],
  Internal: ['other node'],
  GpuForeign: ['other GPUs', 'other hardware', 'other node'],
  GpuHeld: ['other GPUs', 'other hardware', 'other node'],
  LeaseRefused: ['other GPUs', 'other hardware', 'other node'],
  LeaseFenced: ['other GPUs', 'other hardware', 'other node'],
  NodeTaken: ['other node'],
  NodeLost: ['other node'],
  ModelNotFound: ['other precision'],
  RevisionNotFound: ['other precision'],
  HubAuth: ['other precision'],
  TooManyFiles: ['other precision'],
  PickleRefused: ['other precision'],
  HubRateLimited: ['other node'],
  HubUnreachable: ['other node'],
  HubProtocol: ['other node'],
  TransferStalled: ['other node'],
  DigestMismatch: ['other node', 'other precision'],
  NotHere: ['other node', 'other precision'],
  NoneWarmed: ['other node'],
  DiskFull: ['other node', 'other precision'],
  CacheUnwritable: ['other node'],
}

describe('what is tried next, and how it ends', () => {
  test('is said of every class', () => expect(Object.keys(WALKS)).toEqual(Object.keys(POLICIES)))

  test.each(Object.entries(WALKS))('%s', (failure, moves) => {
    // The second set of GPUs that a recipe faults on clears the GPUs and blames the recipe.
    const last = failure === 'gpu_fault' ? 'gpu_fault_again' : failure
    expect(walk(failure)).toEqual([...moves, policyOf(last).end])
  })
})
