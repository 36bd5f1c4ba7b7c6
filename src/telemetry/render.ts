import { Counter, Gauge, Registry } from 'prom-client'
import type { Metric } from './cache-metrics.js'

/** Metrics in the text format of Prometheus, each with the labels given. */
export function renderMetrics(metrics: readonly Metric[], labels: Record<string, string>): Promise<string> {
  const registry = new Registry()
  registry.setDefaultLabels(labels)
  for (const { name, help, type, label, values } of metrics) {
    const labelNames = label === null ? [] : [label]
    const labelled = (value: string): Record<string, string> => (label === null ? {} : { [label]: value })
    if (type === 'counter') {
      const counter = new Counter({ name, help, labelNames, registers: [registry] })
      for (const [value, count] of values) counter.inc(labelled(value), count)
    } else {
      const gauge = new Gauge({ name, help, labelNames, registers: [registry] })
      for (const [value, amount] of values) gauge.set(labelled(value), amount)
    }
  }
  return registry.metrics()
}
