import type { Settings } from '../config/settings.js'
import { cacheMetrics } from '../telemetry/cache-metrics.js'
import { renderMetrics } from '../telemetry/render.js'
import { surveyCache } from './local-cache.js'

/** What this machine shows to Prometheus, at this moment. */
export async function nodeMetrics(settings: Settings): Promise<string> {
  const { contents, events } = await surveyCache(settings)
  return renderMetrics(cacheMetrics(contents, events), { node: settings.nodeId })
}
