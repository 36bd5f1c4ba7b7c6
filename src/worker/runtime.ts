import { DefaultLogger, Runtime, type LogEntry } from '@temporalio/worker'

/** A node worker runs activities alone, on purpose. */
const EXPECTED = /^No workflows registered/

/** Temporal's core logs through us, and leaves signals to us: what a signal means is decided in one place. */
export function installRuntime(log: (line: string) => void): void {
  const logger = new DefaultLogger('WARN', ({ level, message, meta }: LogEntry) => {
    if (!EXPECTED.test(message)) log(`${level} ${message}${describe(meta)}`)
  })
  Runtime.install({ shutdownSignals: [], logger, telemetryOptions: { logging: { forward: {}, filter: 'temporalio_sdk_core=warn' } } })
}

function describe(meta: LogEntry['meta']): string {
  const { workflowId, activityType, taskQueue, error } = (meta ?? {}) as Record<string, unknown>
  const facts = Object.entries({ workflowId, activityType, taskQueue, error }).filter(([, value]) => value !== undefined)
  return facts.map(([name, value]) => ` ${name}=${String(value)}`).join('')
}
