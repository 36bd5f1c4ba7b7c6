/** Base address for OpenAI clients: the engine's own, with `/v1`. */
export function openAiUrl(engineUrl: string): string {
  const base = engineUrl.replace(/\/+$/, '')
  return base.endsWith('/v1') ? base : `${base}/v1`
}

/** True for an address that only its own machine can reach. */
export function isLoopback(url: string): boolean {
  const { hostname } = new URL(url)
  return hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.')
}
