/** What a candidate will do by the roofline of its GPUs. Rates in tokens per second, times in ms. */
export type Prediction = {
  basis: 'predicted' | 'measured'
  /** Requests at the same time, and tokens of each prompt and of the context so far, that the figures hold for. */
  concurrency: number
  promptTokens: number
  /** Of one request. */
  decodeTokensPerSecond: number
  /** Of all requests together. */
  outputTokensPerSecond: number
  prefillTokensPerSecond: number
  ttftMs: number
  /** What the rate was predicted to be where it has been measured, as (predicted - measured) / measured; null: never measured. */
  error: number | null
}
