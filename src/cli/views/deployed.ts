import type { DeployResult } from '../../contracts/endpoint.js'
import type { Candidate, Dropped } from '../../domain/plan.js'
import { openAiUrl } from '../endpoint-url.js'
import { recordReport, tableOf, type Column, type Field, type Report } from '../output/report.js'
import { bytes, duration } from '../output/units.js'

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
  cache,
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
    ['node', node],
    ['cache', cache],
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

type Ranked = Candidate & { rank: number }

const CANDIDATE_COLUMNS: Column<Ranked>[] = [
  { header: '#', value: ({ rank }) => String(rank), align: 'right' },
  { header: 'RECIPE', value: ({ recipe }) => recipe, flexible: true },
  { header: 'BACKEND', value: ({ backend }) => backend },
  { header: 'NODE', value: ({ node }) => node, flexible: true },
  { header: 'GPUS', value: ({ gpus }) => (gpus.length === 0 ? 'CPU' : gpus.join(',')) },
  { header: 'WEIGHTS', value: ({ weightBytes }) => bytes(weightBytes), align: 'right' },
  { header: 'CONTEXT', value: ({ context }) => (context === undefined ? 'default' : String(context)), align: 'right' },
  { header: 'FILE', value: ({ modelFile }) => modelFile ?? null, wide: true },
]

const DROPPED_COLUMNS: Column<{ reason: string; recipes: string }>[] = [
  { header: 'WHY NOT', value: ({ reason }) => reason },
  { header: 'RECIPES', value: ({ recipes }) => recipes, flexible: true },
]

/** The plan of a dry run: the chosen candidate first, then why not the rest. Exit code 3 when nothing fits. */
export function plannedReport(result: DeployResult): Report {
  const { candidates, dropped } = result.plan
  const ranked = candidates.map((candidate, index): Ranked => ({ ...candidate, rank: index + 1 }))
  return {
    data: result,
    names: candidates.map(({ recipe }) => recipe),
    text: (view) => {
      const chosen = CANDIDATE_COLUMNS.map((column) => ({
        ...column,
        style: ({ rank }: Ranked) => (rank === 1 ? ('bold' as const) : ('dim' as const)),
      }))
      const fitting = ranked.length === 0 ? '' : tableOf(ranked, chosen, view)
      const reasons = byReason(dropped)
      return `${fitting}${fitting !== '' && reasons.length > 0 ? '\n' : ''}${reasons.length > 0 ? tableOf(reasons, DROPPED_COLUMNS, view) : ''}`
    },
    notes: [
      ranked.length === 0
        ? 'nothing fits; see why above, and aim doctor for what this machine has'
        : `dry run of ${result.endpoint}: nothing was changed; without --dry-run number 1 is started`,
    ],
    exit: ranked.length === 0 ? 3 : 0,
  }
}

function byReason(dropped: Dropped[]): { reason: string; recipes: string }[] {
  const groups = new Map<string, string[]>()
  for (const { reason, recipe, node } of dropped) {
    groups.set(reason, [...(groups.get(reason) ?? []), node === null ? recipe : `${recipe} on ${node}`])
  }
  return [...groups].map(([reason, recipes]) => ({ reason, recipes: recipes.join(', ') }))
}
