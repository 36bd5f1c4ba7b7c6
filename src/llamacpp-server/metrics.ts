import { Counter, Gauge, Histogram, Registry } from 'prom-client'

/** Seconds; the buckets of vLLM, so that its dashboards read ours. */
const TTFT_BUCKETS = [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 640, 2560]
const LATENCY_BUCKETS = [0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680]

/** What is read at the moment of the scrape. `kvUsage` is 0 to 1. */
type Load = { running: number; waiting: number; kvUsage: number }

export type FinishedReason = 'stop' | 'length' | 'abort'

/** Names follow vLLM's under our own prefix, with the same label. */
export function createMetrics(modelName: string, load: () => Load) {
  const registry = new Registry()
  registry.setDefaultLabels({ model_name: modelName })
  const registers = [registry]
  const gauge = (name: string, help: string, read: () => number): Gauge =>
    new Gauge({
      name: `llamacpp:${name}`,
      help,
      registers,
      collect() {
        this.set(read())
      },
    })
  gauge('num_requests_running', 'Requests that are computed now.', () => load().running)
  gauge('num_requests_waiting', 'Requests that wait for a sequence.', () => load().waiting)
  gauge('kv_cache_usage_perc', 'Part of the KV cache that running requests fill; 1 is all of it.', () => load().kvUsage)
  const counter = (name: string, help: string): Counter => new Counter({ name: `llamacpp:${name}`, help, registers })
  const histogram = (name: string, help: string, buckets: number[]): Histogram =>
    new Histogram({ name: `llamacpp:${name}`, help, buckets, registers })
  return {
    promptTokens: counter('prompt_tokens_total', 'Prompt tokens, those reused from an earlier request included.'),
    generationTokens: counter('generation_tokens_total', 'Tokens generated.'),
    success: new Counter({
      name: 'llamacpp:request_success_total',
      help: 'Requests that were computed, by how they ended.',
      labelNames: ['finished_reason'] as const,
      registers,
    }),
    timeToFirstToken: histogram('time_to_first_token_seconds', 'From the request to its first text.', TTFT_BUCKETS),
    latency: histogram('e2e_request_latency_seconds', 'From the request to the end of its answer.', LATENCY_BUCKETS),
    contentType: registry.contentType,
    text: () => registry.metrics(),
  }
}
