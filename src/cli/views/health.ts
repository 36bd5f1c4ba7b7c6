import type { CheckedReplica, HealthReport } from '../../contracts/health.js'
import type { HealingStep } from '../../contracts/endpoint.js'
import { recordReport, type Field, type Report } from '../output/report.js'
import { moment } from '../output/units.js'
import { nodeText } from './node-text.js'

export function healthReport(report: HealthReport): Report {
  const { endpoint, outcome, phase, reason, replicas, healing, next } = report
  return recordReport({
    data: report,
    name: endpoint,
    fields: ({ time, now }) => [
      ['endpoint', endpoint],
      ['health', outcome, outcome === 'well' ? 'green' : 'red'],
      ['state', phase],
      ['reason', reason],
      ...replicas.flatMap(replicaFields),
      ...healingFields(healing, (iso) => moment(iso, time, now)),
      ['next', next],
    ],
    exit: outcome === 'well' ? 0 : 1,
  })
}

function replicaFields({ replica, node, presence, simulated, evidence, problem }: CheckedReplica): Field[] {
  const place = `on ${nodeText(node, simulated)}${presence === 'ready' ? '' : `, which is ${presence}`}`
  if (evidence === null) return [[`replica ${replica}`, `${place}: ${problem ?? 'not known'}`, 'red']]
  const { process, pid, healthy, load, inference, verdict, why } = evidence
  return [
    [`replica ${replica}`, `${verdict} ${place}: ${why}`, verdict === 'serving' || verdict === 'busy' ? 'green' : 'red'],
    ['  process', pid === null ? process : `${process}, pid ${pid}`],
    ['  says', healthy === null ? null : healthy ? 'well' : 'not well, or nothing'],
    ['  load', load && `${load.running} running, ${load.waiting} waiting, ${load.generatedTokens} tokens so far`],
    ['  a request', inference && ('ms' in inference ? `answered ${inference.tokens} tokens in ${inference.ms} ms` : inference.failed)],
  ]
}

/** What was done about problems, the newest last. */
export function healingFields(healing: HealingStep[], when: (iso: string) => string): Field[] {
  return healing.map(({ at, did, why, outcome, detail }): Field => {
    const said = [`${did}, ${outcome}`, why, why.includes(detail) ? '' : detail].filter((part) => part !== '').join(': ')
    return ['tried', `${when(at)}: ${said}`, outcome === 'done' ? 'green' : outcome === 'failed' ? 'red' : 'yellow']
  })
}
