/** Memory of the fullest GPU, in bytes, and what fits into it. */
export type MemoryFit = {
  /** `measured`: an engine of this kind reported its KV memory on such GPUs before. */
  basis: 'computed' | 'measured'
  totalBytes: number
  /** What the backend may take of it by its own rule (vLLM: share of the total; SGLang: static fraction). */
  budgetBytes: number
  weightBytes: number
  /** This, graphs and reserve are inside the budget of vLLM, and outside that of SGLang. */
  activationBytes: number
  graphBytes: number
  /** HIP context, RCCL, fragmentation. */
  reserveBytes: number
  /** What is left for the KV cache. Negative: it does not even load. */
  kvBytes: number
  /** What one sequence of `context` tokens takes of it. */
  kvBytesPerSequence: number
  context: number
  /** Longest single sequence that fits, at most what the model was trained for. 0: none. */
  maxContext: number
  /** Sequences of `context` that fit at the same time, on all replicas of data parallelism together. */
  maxConcurrency: number
}
