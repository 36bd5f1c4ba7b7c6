import type { Backend } from '../../src/domain/engine.js'
import type { EngineLoad } from '../../src/domain/health/load.js'
import { engines } from '../../src/engines/index.js'
import type { EngineClient } from '../../src/ports/engine-client.js'

/** What the engine says of its work; null when its backend tells nothing, or this one does not now. */
export async function loadOf(client: EngineClient, url: string, backend: Backend, signal: AbortSignal): Promise<EngineLoad | null> {
  const { metrics: names, endpoints } = engines[backend]
  if (names === null || endpoints.metrics === null) return null
  const { running, waiting, promptTokens, generationTokens, finished, kvUse } = names
  const asked = [running, waiting, promptTokens, generationTokens, finished, kvUse].filter((name) => name !== null)
  const values = await client.metrics(url, endpoints.metrics, asked, signal)
  // An engine that was started without its metrics answers with a page that lacks them.
  if (values?.[generationTokens] === undefined) return null
  const value = (name: string | null) => (name === null ? 0 : (values[name] ?? 0))
  return {
    running: value(running),
    waiting: value(waiting),
    promptTokens: value(promptTokens),
    generatedTokens: value(generationTokens),
    finished: value(finished),
    kvUse: value(kvUse),
  }
}
