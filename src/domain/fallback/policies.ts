import type { Kind } from './kinds.js'

/** What is done about one class of failure. */
export type Policy = {
  /** So often the same placement is tried again as it is, each time after a longer pause. */
  again?: number
  /** The engine said which context it can hold: the same placement with that one. */
  shorten?: true
  /** Placements worth a try, in this order. Any other would fail in the same way. */
  next: readonly Kind[]
  /** Nobody is given these GPUs until a person or a proof clears them. */
  quarantine?: true
  /** How it ends for people when none of that is left. */
  end: string
}

const OUT_OF_MEMORY: readonly Kind[] = ['more GPUs', 'smaller weights', 'shorter context', 'other backend', 'other hardware']
const NOT_THIS_GPU: readonly Kind[] = ['other GPUs', 'other node', 'other hardware']
const NOT_THIS_NODE: readonly Kind[] = ['other node']
const NOT_THIS_ENGINE: readonly Kind[] = ['other backend', 'other hardware']
const NOT_THESE_NUMBERS: readonly Kind[] = ['other precision', 'other hardware']
const ANYTHING_ELSE: readonly Kind[] = ['other recipe', 'other GPUs', 'other node', 'other backend', 'other precision', 'other hardware']

/**
 * One row for each way in which a try can fail: a class of an engine's log, the signal that ended it, or a code of our own. docs/failures.md
 * shows the same rows.
 */
export const POLICIES: Readonly<Record<string, Policy>> = {
  // set-up
  no_gpu: { next: ['other node', 'other hardware'], end: 'the node has no usable GPU: aim doctor there' },
  kfd_permission: { next: ['other node', 'other hardware'], end: 'the node worker may not use /dev/kfd: groups `video` and `render`' },
  bad_flag: { next: ['other recipe'], end: 'the recipe does not fit this version of the engine: correct it' },
  port_in_use: { again: 2, next: ['other node'], end: 'something else listens on the port: choose another one' },
  program_missing: { next: ['other backend', 'other node'], end: 'the engine is not installed as it should be: aim doctor there' },

  // what the hardware or the engine cannot do
  unsupported_fp8_gfx90a: { next: NOT_THESE_NUMBERS, end: 'these GPUs have no fp8: allow another precision' },
  unsupported_quant_gpu: { next: NOT_THESE_NUMBERS, end: 'these GPUs cannot run the quantisation: allow another precision' },
  unsupported_quant_platform: { next: ['other precision', 'other backend'], end: 'the engine has no such quantisation here' },
  unsupported_dtype: { next: ['other recipe', ...NOT_THESE_NUMBERS], end: 'set the dtype of the recipe to float16 or auto' },
  unsupported_model_arch: { next: ['other backend'], end: 'no engine that is installed knows the model: install a newer one' },
  unsupported_attention: { next: ['other recipe', ...NOT_THIS_ENGINE], end: 'remove the flag attention-backend from the recipe' },
  mla_block_size: { next: ['other recipe', ...NOT_THIS_ENGINE], end: 'set the flag block-size of the recipe to 1' },
  unsupported_gpu_arch: { next: NOT_THIS_ENGINE, end: 'the engine was built for other GPUs: install the build for these' },
  triton_shared_memory: { next: ['other recipe', ...NOT_THIS_ENGINE], end: 'a kernel wants more than the GPU has: a newer engine' },
  context_too_long: { shorten: true, next: ['shorter context'], end: 'the model was trained for a shorter context: ask for less' },

  // memory
  oom_startup_other_process: { again: 1, next: NOT_THIS_GPU, end: 'another process holds the memory of the GPUs: end it' },
  oom_weights: {
    next: ['more GPUs', 'smaller weights', 'other hardware'],
    end: 'the weights do not fit: more GPUs or a smaller precision',
  },
  oom_kv_len: { shorten: true, next: OUT_OF_MEMORY, end: 'the context does not fit: ask for a shorter one, or for more GPUs' },
  oom_kv_autofit: { next: ['more GPUs', 'smaller weights', 'other hardware'], end: 'not even a short context fits beside the weights' },
  oom_no_kv: { next: OUT_OF_MEMORY, end: 'no memory is left beside the weights: more GPUs, or a smaller precision' },
  oom_graph_capture: { next: ['other recipe', ...OUT_OF_MEMORY], end: 'no memory is left for graphs: turn them off in the recipe' },
  oom_runtime: { next: OUT_OF_MEMORY, end: 'the GPUs ran out of memory: more GPUs, or a smaller precision' },
  oom_host: { next: ['smaller weights', 'shorter context', 'other node'], end: 'the memory of the machine is not enough' },

  // hardware and hangs
  gpu_fault: {
    next: NOT_THIS_GPU,
    quarantine: true,
    end: 'a GPU faulted: a single one is quarantined, several are left: aim node show, aim node clear',
  },
  gpu_fault_again: { next: ['other recipe', 'other backend'], end: 'the recipe faults on any GPU: try it without AITER' },
  collective_hang: { next: ['fewer GPUs', ...NOT_THIS_GPU], end: 'the GPUs do not reach each other: iommu=pt, numa_balancing=0' },
  collective_hang_silent: { next: ['fewer GPUs', ...NOT_THIS_GPU], end: 'the GPUs do not reach each other: iommu=pt, numa_balancing=0' },
  forward_watchdog: { next: ANYTHING_ELSE, end: 'one step took longer than the watchdog allows: read its log' },
  startup_timeout: { again: 1, next: ANYTHING_ELSE, end: 'it loads longer than it allows itself: VLLM_ENGINE_READY_TIMEOUT_S' },

  // weights
  missing_weights: { next: ['other weights'], end: 'the repository holds no weights that the engine can load' },
  missing_model: { next: ['other weights', 'other recipe'], end: 'the repository lacks a file that the engine needs' },

  // what only the end of its process says
  killed: {
    again: 1,
    next: ['other node', 'smaller weights', 'shorter context'],
    end: 'something killed it, often for lack of memory: dmesg',
  },
  terminated: { again: 1, next: ['other node'], end: 'something asked it to end: see who stopped it' },
  crashed: { again: 1, next: ANYTHING_ELSE, end: 'the engine crashes: read its log, and try another version' },
  gone: { again: 1, next: ['other node'], end: 'somebody stopped it while it started' },
  unknown: { next: ANYTHING_ELSE, end: 'no known reason: read its log' },

  // what we say of a start
  EngineExited: { next: ANYTHING_ELSE, end: 'no known reason: read its log' },
  EngineStalled: { next: ANYTHING_ELSE, end: 'it stands still while it starts: read its log' },
  EngineNotAnswering: { next: ANYTHING_ELSE, end: 'it starts and completes no request: read its log' },
  BackendMissing: { next: ['other backend', 'other node'], end: 'the node lacks the engine: aim doctor there' },
  InvalidInput: { next: ['other recipe'], end: 'the recipe asks for what the engine cannot do: correct it' },
  PortTaken: { again: 2, next: ['other node'], end: 'the port is taken: choose another one, or end what holds it' },
  OtherNode: { next: NOT_THIS_NODE, end: 'the node is not what it was' },
  Internal: { next: NOT_THIS_NODE, end: 'a fault of ours: AIM_DEBUG=1, and report it' },

  // GPUs and nodes
  GpuForeign: { next: NOT_THIS_GPU, end: 'a process that is not ours holds the GPU: end it' },
  GpuHeld: {
    next: NOT_THIS_GPU,
    quarantine: true,
    end: 'memory of the GPU is held by nobody: it is back once that is free, else reset it',
  },
  LeaseRefused: { next: NOT_THIS_GPU, end: 'the GPUs are given to others' },
  LeaseFenced: { next: NOT_THIS_GPU, end: 'a newer operation has the GPUs' },
  NodeTaken: { next: NOT_THIS_NODE, end: 'another machine runs under the name of the node' },
  NodeLost: { next: NOT_THIS_NODE, end: 'the node does not answer: aim node show' },

  // weights on their way; the download itself has tried each of these again before
  ModelNotFound: { next: ['other weights'], end: 'the hub has no such model' },
  RevisionNotFound: { next: ['other weights'], end: 'the hub has no such revision' },
  HubAuth: { next: ['other weights'], end: 'the hub refuses the model: accept its licence, set HF_TOKEN' },
  TooManyFiles: { next: ['other weights'], end: 'the repository holds too many files' },
  PickleRefused: { next: ['other weights'], end: 'the weights are pickles: allow them, or name another repository' },
  HubRateLimited: { next: NOT_THIS_NODE, end: 'the hub asks to wait: a token raises its limit' },
  HubUnreachable: { next: NOT_THIS_NODE, end: 'the hub cannot be reached: HF_ENDPOINT, the network' },
  HubProtocol: { next: NOT_THIS_NODE, end: 'the hub answers wrongly: aim doctor' },
  TransferStalled: { next: NOT_THIS_NODE, end: 'the download stands still: it continues with the next deploy' },
  DigestMismatch: { next: ['other node', 'other weights'], end: 'the mirror is corrupt: what it sent was dropped' },
  NotHere: { next: ['other node', 'other weights'], end: 'no source holds the file: AIM_SOURCES' },
  NoneWarmed: { next: NOT_THIS_NODE, end: 'the weights reach no node' },
  DiskFull: { next: ['other node', 'smaller weights'], end: 'the disk is full: aim cache prune' },
  CacheUnwritable: { next: NOT_THIS_NODE, end: 'the cache cannot be written' },
}

/** A class that nobody wrote down is treated as one that nobody knows. */
export function policyOf(failure: string): Policy {
  return POLICIES[failure] ?? (POLICIES['unknown'] as Policy)
}
