import type { DeployResult } from '../../contracts/endpoint.js'
import { trafficText } from '../../domain/cache/traffic.js'
import { openAiUrl } from '../endpoint-url.js'
import { recordReport, type Field, type Report } from '../output/report.js'
import { duration } from '../output/units.js'
import { nodeText } from './node-text.js'
import { planExit, planText } from './plan.js'

/** The block after a deploy: what serves, where, and the proof that it answers. */
export function deployedReport(result: DeployResult): Report {
  const { endpoint, outcome } = result
  return recordReport({
    data: result,
    name: endpoint,
    fields: () => fieldsOf(result),
    notes: [
      ...(outcome === 'unchanged' ? ['unchanged: this is what the endpoint serves already'] : []),
      `next: aim chat ${endpoint} "Hello"`,
      `      aim logs ${endpoint} -f`,
      `      aim stop ${endpoint}`,
    ],
  })
}

function fieldsOf({
  endpoint,
  outcome,
  revision,
  url,
  served,
  model,
  recipe,
  backend,
  node,
  simulated,
  gaveUp,
  attempts,
  cache,
  weights,
  proof,
  timings,
}: DeployResult): Field[] {
  return [
    ['endpoint', endpoint],
    ['state', `serving${outcome === 'unchanged' ? ' (unchanged)' : ''}`, 'green'],
    ['revision', revision === null ? null : String(revision)],
    ['url', url && openAiUrl(url)],
    ['model id', served],
    ['model', `${model.repo}@${model.commit.slice(0, 12)}`],
    ['recipe', recipe],
    ['backend', backend],
    ['node', node && nodeText(node, simulated)],
    ['gave up', gaveUp, 'yellow'],
    ['tries', attempts > 1 ? `${attempts}; the others: aim explain ${endpoint}` : null],
    ['cache', cache && (weights === null ? cache : trafficText({ cache, ...weights }))],
    ['proof', proof && `${proof.tokens} tokens in ${duration(proof.ms)}`],
    ['took', tookText(timings)],
  ]
}

function tookText(timings: Record<string, number>): string | null {
  const steps = Object.entries(timings)
  if (steps.length === 0) return null
  const total = steps.reduce((sum, [, ms]) => sum + ms, 0)
  const notable = steps.filter(([, ms]) => ms >= 100).map(([step, ms]) => `${step} ${duration(ms)}`)
  return `${duration(total)}${notable.length > 0 ? ` (${notable.join(', ')})` : ''}`
}

/** The plan of a dry run: the chosen candidate first, then why not the rest. Exit code 3 when nothing fits. */
export function plannedReport(result: DeployResult): Report {
  const { plan, endpoint } = result
  return {
    data: result,
    names: plan.candidates.map(({ recipe }) => recipe),
    text: (view) => planText(plan, view),
    notes: [`dry run of ${endpoint}: nothing was changed; without --dry-run number 1 is started`],
    exit: planExit(plan),
  }
}
