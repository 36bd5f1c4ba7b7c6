import type { Candidate, Fallback, Plan } from '../../domain/plan.js'
import { firstOf, groupReasons, type ReasonGroup } from '../../domain/plan-reasons.js'
import type { Report, View } from '../output/report.js'
import { visible } from '../output/sanitize.js'
import { fittedTable, type PlanColumn } from './fitted-table.js'
import { memoryPicture } from './memory-picture.js'
import { nodeText } from './node-text.js'

const PRICE_OF_TOKENS = 'PRICE/MTOK OUT'

type Ranked = Candidate & { rank: number }

const COLUMNS: PlanColumn<Ranked>[] = [
  { header: '#', value: ({ rank }) => String(rank), align: 'right' },
  { header: 'RECIPE', value: ({ recipe }) => recipe, flexible: true, tail: true, least: 16 },
  { header: 'NODE', value: ({ node, simulated }) => nodeText(node, simulated), flexible: true, drop: 4 },
  { header: 'GPUS', value: gpusText, flexible: true },
  { header: 'PRECISION', value: ({ precision }) => precision, drop: 8 },
  { header: 'BACKEND', value: ({ backend }) => backend, drop: 7 },
  { header: 'KV', value: ({ fit }) => fit && gib(fit.kvBytes), align: 'right', drop: 5 },
  { header: 'CONTEXT', value: ({ context, fit }) => String(context ?? fit?.context ?? 'default'), align: 'right' },
  { header: 'REQUESTS', value: ({ fit }) => fit && String(fit.maxConcurrency), align: 'right', drop: 2 },
  { header: 'TOK/S', value: ({ prediction }) => prediction && rate(prediction.outputTokensPerSecond), align: 'right' },
  { header: 'TOK/S EACH', value: ({ prediction }) => prediction && rate(prediction.decodeTokensPerSecond), align: 'right', wide: true },
  { header: 'TTFT', value: ({ prediction }) => prediction && `${prediction.ttftMs.toFixed(0)} ms`, align: 'right', drop: 1 },
  { header: 'ERROR', value: ({ prediction }) => errorText(prediction?.error ?? null), align: 'right', wide: true },
  { header: 'PRICE/H', value: ({ cost }) => cost && `${cost.perHour.toFixed(2)} ${cost.currency}`, align: 'right', drop: 6 },
  { header: PRICE_OF_TOKENS, value: ({ cost }) => cost && (cost.perMillionTokens?.toFixed(2) ?? null), align: 'right', drop: 6 },
  { header: 'SCORE', value: ({ score }) => score.total.toFixed(1), align: 'right' },
  { header: 'WHY', value: (candidate, { wide }) => (wide ? candidate.why : whyText(candidate)), flexible: true, least: 24, drop: 3 },
]

const FALLBACK_COLUMNS: PlanColumn<Fallback>[] = [
  { header: 'FALLBACK', value: ({ changes }) => changes.join(', '), flexible: true },
  { header: 'RECIPE', value: ({ recipe }) => recipe, flexible: true, tail: true, least: 16 },
  { header: 'NODE', value: ({ node, simulated }) => nodeText(node, simulated), flexible: true, drop: 1 },
  { header: 'GPUS', value: gpusText, flexible: true },
  { header: 'PRECISION', value: ({ precision }) => precision, drop: 2 },
  { header: 'BACKEND', value: ({ backend }) => backend, drop: 3 },
  { header: 'GIVES UP', value: ({ givesUp }) => givesUp, flexible: true, least: 24 },
]

const DROPPED_COLUMNS: PlanColumn<ReasonGroup>[] = [
  { header: 'WHY NOT', value: ({ reason }) => reason, flexible: true },
  { header: 'RECIPES', value: ({ recipes }, { wide }) => (wide ? recipes.join(', ') : firstOf(recipes)), flexible: true, drop: 1 },
  { header: 'NODES', value: ({ places }) => String(places), align: 'right', drop: 2 },
]

/** Lines of each table that a person reads before asking for all with `-o wide`. */
const SHOWN = { candidates: 12, reasons: 12 }

/** A plan for people: the chosen candidate first with its memory as a picture, then what else would run, then why not the rest. */
export function planText({ candidates, fallback, dropped, assumed }: Plan, view: View): string {
  const ranked = candidates.map((candidate, index): Ranked => ({ ...candidate, rank: index + 1 }))
  const shown = view.wide ? ranked : ranked.slice(0, SHOWN.candidates)
  const reasons = groupReasons(dropped)
  const tokens = ranked.some(({ cost }) => typeof cost?.perMillionTokens === 'number')
  const columns = COLUMNS.filter(({ header }) => tokens || header !== PRICE_OF_TOKENS)
  const sections = [
    ranked.length === 0
      ? ''
      : fittedTable(shown, chosenFirst(columns), view) +
        more(ranked.length - shown.length, 'candidates', view) +
        (tokens ? `${view.paint('dim', `${PRICE_OF_TOKENS}: a million output tokens at full load`)}\n` : ''),
    candidates[0]?.fit ? memoryPicture(candidates[0], view) : '',
    fallback.length === 0 ? '' : fittedTable(fallback, FALLBACK_COLUMNS, view),
    reasons.length === 0
      ? ''
      : fittedTable(view.wide ? reasons : reasons.slice(0, SHOWN.reasons), DROPPED_COLUMNS, view) +
        more(view.wide ? 0 : reasons.length - SHOWN.reasons, 'reasons', view),
    assumed.length === 0 ? '' : assumed.map((text) => `${view.paint('dim', 'assumed')}  ${visible(text)}\n`).join(''),
  ]
  return sections.filter((section) => section !== '').join('\n')
}

/** Exit code 3 when nothing meets the requirements. */
export function planExit({ candidates }: Plan): NonNullable<Report['exit']> {
  return candidates.length === 0 ? 3 : 0
}

function chosenFirst(columns: PlanColumn<Ranked>[]): PlanColumn<Ranked>[] {
  return columns.map((column) => ({ ...column, style: ({ rank }: Ranked) => (rank === 1 ? ('bold' as const) : ('dim' as const)) }))
}

function more(count: number, what: string, { paint }: View): string {
  return count > 0 ? `${paint('dim', `${count} more ${what}: -o wide shows all`)}\n` : ''
}

function gpusText({ gpus, card }: Candidate): string {
  return gpus.length === 0 ? 'CPU' : `${gpus.length}x ${card ?? 'GPU'} (${rangesText(gpus)})`
}

/** `0-3,6` for 0, 1, 2, 3 and 6. */
function rangesText(indices: number[]): string {
  const ranges: { from: number; to: number }[] = []
  for (const index of indices) {
    const last = ranges.at(-1)
    if (last?.to === index - 1) last.to = index
    else ranges.push({ from: index, to: index })
  }
  return ranges.map(({ from, to }) => (from === to ? String(from) : `${from}-${to}`)).join(',')
}

/** What no other column says; `-o wide` and JSON have the whole sentence. */
function whyText({ why, linked, cached, prediction }: Candidate): string {
  const [evidence = ''] = why.split('; ')
  const hives = linked === null ? null : linked ? 'one hive' : 'several hives'
  return [evidence, hives, prediction?.basis === 'measured' ? 'speed measured' : null, cached ? 'weights there' : null]
    .filter((part) => part !== null)
    .join('; ')
}

function errorText(error: number | null): string | null {
  return error === null ? null : `${error > 0 ? '+' : ''}${(100 * error).toFixed(0)} %`
}

const rate = (tokens: number): string => (tokens >= 100 ? tokens.toFixed(0) : tokens.toFixed(1))
const gib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`
