/**
 * How much of a data sheet an engine reaches, and what it spends beside the GPU's own work. Bandwidth has a source; the five constants
 * marked "fitted" are least squares of the log error, every series weighing alike, over the series of published runs on AMD that
 * test/domain/prediction/published.ts marks for it (every second one by name), rounded to two digits. On the series that were held out
 * the median absolute error of the rate is 18 % (26 % where every series weighs alike), of the worst row threefold; the test
 * asserts it. TTFT is known no better than within a factor of four: too few published runs without a cold start. The runs could not tell the
 * latency of an all-reduce from the other work of a layer, nor a part of a step that does not grow with its layers: neither has a constant.
 * Measured runs of a recipe replace what follows from it.
 */
export const EFFICIENCY = {
  /** Share of the peak bandwidth. BabelStream reaches 81 % on MI300X: Ambati et al., "AMD MI300X GPU Performance Analysis", 2025. */
  bandwidth: 0.81,
  /** Share of the peak matrix rate, in prefills and in the batches of a decode step. Fitted, in bf16 and fp8 together. */
  compute: 0.16,
  /** Seconds of each layer in a forward step that grow with nothing: launches, small kernels, the barrier of its all-reduces. Fitted. */
  layerOverhead: 1e-4,
  /** Seconds more in a layer with routed experts: routing, sorting, gathering. Fitted. */
  expertOverhead: 1e-4,
  /** Seconds of each step for each request in it: scheduling, sampling, answers. Fitted. */
  requestOverhead: 1.1e-4,
  /** Seconds of a request before its prefill begins and after it: HTTP, tokenizer, queue. Fitted, on only five runs. */
  firstTokenOverhead: 0.08,
  /** Tokens of an answer where the workload does not say. Assumed: as many as the usual prompt has. */
  answerTokens: 1_024,
  /** Bytes per second between GPUs whose links nobody published: 16 lanes of PCIe 4.0, one direction, by its specification. */
  pcieBandwidth: 31.5e9,
} as const
