/** Names under which an engine exposes what we watch, as Prometheus prints them; null: it does not. Times in seconds, KV use 0 to 1. */
export type MetricNames = {
  running: string
  waiting: string
  kvUse: string | null
  ttft: string
  /** Time of each output token: mean of a request, and from one to the next. */
  tpot: string | null
  itl: string | null
  latency: string
  queueTime: string | null
  promptTokens: string
  generationTokens: string
  finished: string | null
  preempted: string | null
  /** Tokens looked up in the prefix cache and found there, or their share (`rate`). */
  prefixCache: { queries: string; hits: string } | { rate: string } | null
}

/** vLLM 0.32, `v1/metrics/loggers.py`; counters are exposed with `_total`. */
export const VLLM_METRICS: MetricNames = {
  running: 'vllm:num_requests_running',
  waiting: 'vllm:num_requests_waiting',
  kvUse: 'vllm:kv_cache_usage_perc',
  ttft: 'vllm:time_to_first_token_seconds',
  tpot: 'vllm:request_time_per_output_token_seconds',
  itl: 'vllm:inter_token_latency_seconds',
  latency: 'vllm:e2e_request_latency_seconds',
  queueTime: 'vllm:request_queue_time_seconds',
  promptTokens: 'vllm:prompt_tokens_total',
  generationTokens: 'vllm:generation_tokens_total',
  finished: 'vllm:request_success_total',
  preempted: 'vllm:num_preemptions_total',
  prefixCache: { queries: 'vllm:prefix_cache_queries_total', hits: 'vllm:prefix_cache_hits_total' },
}

/** SGLang 0.5.23, `srt/observability/`, with `--enable-metrics`. A retracted request is computed again: what vLLM calls preempted. */
export const SGLANG_METRICS: MetricNames = {
  running: 'sglang:num_running_reqs',
  waiting: 'sglang:num_queue_reqs',
  kvUse: 'sglang:token_usage',
  ttft: 'sglang:time_to_first_token_seconds',
  tpot: 'sglang:request_time_per_output_token_seconds',
  itl: 'sglang:inter_token_latency_seconds',
  latency: 'sglang:e2e_request_latency_seconds',
  queueTime: 'sglang:queue_time_seconds',
  promptTokens: 'sglang:prompt_tokens_total',
  generationTokens: 'sglang:generation_tokens_total',
  finished: 'sglang:num_requests_total',
  preempted: 'sglang:num_retracted_requests_total',
  prefixCache: { rate: 'sglang:cache_hit_rate' },
}

/** Our own server, `src/llamacpp-server/metrics.ts`: it names what it has like vLLM. */
export const LLAMACPP_METRICS: MetricNames = {
  running: 'llamacpp:num_requests_running',
  waiting: 'llamacpp:num_requests_waiting',
  kvUse: 'llamacpp:kv_cache_usage_perc',
  ttft: 'llamacpp:time_to_first_token_seconds',
  tpot: null,
  itl: null,
  latency: 'llamacpp:e2e_request_latency_seconds',
  queueTime: null,
  promptTokens: 'llamacpp:prompt_tokens_total',
  generationTokens: 'llamacpp:generation_tokens_total',
  finished: 'llamacpp:request_success_total',
  preempted: null,
  prefixCache: null,
}
