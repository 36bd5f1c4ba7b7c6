import type { Candidate, Dropped, Fallback, Plan } from '../../domain/plan.js'
import { tableOf, type Column, type Report, type View } from '../output/report.js'
import { visible } from '../output/sanitize.js'
import { memoryPicture } from './memory-picture.js'

type Ranked = Candidate & { rank: number }

const COLUMNS: Column<Ranked>[] = [
  { header: '#', value: ({ rank }) => String(rank), align: 'right' },
  { header: 'RECIPE', value: ({ recipe }) => recipe, flexible: true },
  { header: 'NODE', value: ({ node }) => node, flexible: true },
  { header: 'GPUS', value: gpusText },
  { header: 'PRECISION', value: ({ precision }) => precision },
  { header: 'BACKEND', value: ({ backend }) => backend },
  { header: 'KV', value: ({ fit }) => fit && gib(fit.kvBytes), align: 'right' },
  { header: 'CONTEXT', value: ({ context, fit }) => String(context ?? fit?.context ?? 'default'), align: 'right' },
  { header: 'REQUESTS', value: ({ fit }) => fit && String(fit.maxConcurrency), align: 'right' },
  { header: 'TOK/S', value: ({ prediction }) => prediction && rate(prediction.outputTokensPerSecond), align: 'right' },
  { header: 'TOK/S EACH', value: ({ prediction }) => prediction && rate(prediction.decodeTokensPerSecond), align: 'right', wide: true },
  { header: 'TTFT', value: ({ prediction }) => prediction && `${prediction.ttftMs.toFixed(0)} ms`, align: 'right' },
  { header: 'ERROR', value: ({ prediction }) => errorText(prediction?.error ?? null), align: 'right', wide: true },
  { header: 'PRICE/H', value: ({ cost }) => cost && `${cost.perHour.toFixed(2)} ${cost.currency}`, align: 'right' },
  { header: 'PRICE/MTOK', value: ({ cost }) => cost && (cost.perMillionTokens?.toFixed(2) ?? null), align: 'right', wide: true },
  { header: 'SCORE', value: ({ score }) => score.total.toFixed(1), align: 'right' },
  { header: 'WHY', value: ({ why }) => why, flexible: true },
]

const FALLBACK_COLUMNS: Column<Fallback>[] = [
  { header: 'FALLBACK', value: ({ changes }) => changes.join(', ') },
  { header: 'RECIPE', value: ({ recipe }) => recipe, flexible: true },
  { header: 'NODE', value: ({ node }) => node, flexible: true },
  { header: 'GPUS', value: gpusText },
  { header: 'PRECISION', value: ({ precision }) => precision },
  { header: 'BACKEND', value: ({ backend }) => backend },
  { header: 'GIVES UP', value: ({ givesUp }) => givesUp, flexible: true },
]

type Reason = { reason: string; recipes: string[]; places: number }

const DROPPED_COLUMNS: Column<Reason>[] = [
  { header: 'WHY NOT', value: ({ reason }) => reason, flexible: true },
  { header: 'RECIPES', value: ({ recipes }, { wide }) => (wide ? recipes.join(', ') : shortened(recipes)), flexible: true },
  { header: 'NODES', value: ({ places }) => String(places), align: 'right' },
]

/** Lines of each table that a person reads before asking for all with `-o wide`. */
const SHOWN = { candidates: 12, reasons: 12 }

/** A plan for people: the chosen candidate first with its memory as a picture, then what else would run, then why not the rest. */
export function planText({ candidates, fallback, dropped, assumed }: Plan, view: View): string {
  const ranked = candidates.map((candidate, index): Ranked => ({ ...candidate, rank: index + 1 }))
  const shown = view.wide ? ranked : ranked.slice(0, SHOWN.candidates)
  const reasons = byReason(dropped)
  const sections = [
    ranked.length === 0 ? '' : tableOf(shown, chosenFirst(COLUMNS), view) + more(ranked.length - shown.length, 'candidates', view),
    candidates[0]?.fit ? memoryPicture(candidates[0], view) : '',
    fallback.length === 0 ? '' : tableOf(fallback, FALLBACK_COLUMNS, view),
    reasons.length === 0
      ? ''
      : tableOf(view.wide ? reasons : reasons.slice(0, SHOWN.reasons), DROPPED_COLUMNS, view) +
        more(view.wide ? 0 : reasons.length - SHOWN.reasons, 'reasons', view),
    assumed.length === 0 ? '' : assumed.map((text) => `${view.paint('dim', 'assumed')}  ${visible(text)}\n`).join(''),
  ]
  return sections.filter((section) => section !== '').join('\n')
}

/** Exit code 3 when nothing meets the requirements. */
export function planExit({ candidates }: Plan): NonNullable<Report['exit']> {
  return candidates.length === 0 ? 3 : 0
}

function chosenFirst(columns: Column<Ranked>[]): Column<Ranked>[] {
  return columns.map((column) => ({ ...column, style: ({ rank }: Ranked) => (rank === 1 ? ('bold' as const) : ('dim' as const)) }))
}

function byReason(dropped: Dropped[]): Reason[] {
  const groups = new Map<string, Reason>()
  for (const { reason, recipe, count } of dropped) {
    const group = groups.get(reason) ?? { reason, recipes: [], places: 0 }
    groups.set(reason, { reason, recipes: [...group.recipes, recipe], places: Math.max(group.places, count) })
  }
  return [...groups.values()].toSorted((a, b) => b.recipes.length - a.recipes.length)
}

function more(count: number, what: string, { paint }: View): string {
  return count > 0 ? `${paint('dim', `${count} more ${what}: -o wide shows all`)}\n` : ''
}

function gpusText({ gpus, card }: Candidate): string {
  return gpus.length === 0 ? 'CPU' : `${gpus.length}x ${card ?? 'GPU'} (${gpus.join(',')})`
}

function shortened(names: string[]): string {
  const [first = ''] = names
  return names.length === 1 ? first : `${first} and ${names.length - 1} more`
}

function errorText(error: number | null): string | null {
  return error === null ? null : `${error > 0 ? '+' : ''}${(100 * error).toFixed(0)} %`
}

const rate = (tokens: number): string => (tokens >= 100 ? tokens.toFixed(0) : tokens.toFixed(1))
const gib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`
