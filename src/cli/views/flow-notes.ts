import type { OperationHandle } from '../../client/types.js'
import { recordReport, type Report } from '../output/report.js'

/** A flow of the cache that was started and left alone. */
export function detachedFlow({ workflowId, runId, attached }: OperationHandle<unknown>): Report {
  return recordReport({
    data: { workflowId, runId, attached },
    name: workflowId,
    fields: () => [
      ['state', 'running'],
      ['workflow', workflowId],
    ],
    notes: ['next: aim cache flows'],
  })
}

/** What a person who leaves is told; `words` are those that were typed. */
export function leavingFlow(what: string, words: string): string[] {
  return [`the ${what} goes on`, '  watch:   aim cache flows', `  rejoin:  aim ${words}`]
}
