import { fingerprint } from '../fingerprint.js'
import type { Candidate, Fallback } from '../plan.js'
import { changesToAsk } from './asking.js'
import { isOfKind, type Kind } from './kinds.js'
import { policyOf, type Policy } from './policies.js'

/** A try that failed. `gaveUp`: what it would have given up; `maxContext` in tokens, where the engine said it. */
export type Tried = { candidate: Candidate; failure: string; gaveUp?: string | null; maxContext?: number | undefined }

/** All that the next move depends on. */
export type FallbackState = {
  candidates: readonly Candidate[]
  fallback: readonly Fallback[]
  mode: 'none' | 'meets' | 'any'
  budget: { attempts: number; minutes: number }
  asks: boolean
  tried: readonly Tried[]
  spentMs: number
  /** What a person said to the changes that were asked about, by `changes.join`. */
  answers: Readonly<Record<string, boolean>>
}

/** `how` the placement differs from the one that failed, and what is given up with it; null: nothing. `ask`: only with a yes to these. */
export type Try = { do: 'try'; candidate: Candidate; how: string; gaveUp: string | null; pauseMs: number; ask: string[] }
/** `planEmpty`: the plan holds nothing more, though more might be tried. */
export type NextMove = Try | { do: 'stop'; why: string; planEmpty: boolean }

/** A refused lease is no try: nothing was started. */
const isTry = ({ failure }: Tried): boolean => failure !== 'LeaseRefused'
const PAUSE_MS = { first: 1_000, most: 30_000 }

/** What to do next. The same state gives the same move, and every walk ends: each try is another one, or one of a few that `again` allows. */
export function nextMove(state: FallbackState): NextMove {
  const { tried, budget, mode, spentMs } = state
  const tries = tried.filter(isTry).length
  const last = tried.at(-1)
  if (last !== undefined && mode === 'none') return stop('no fallback was asked for')
  if (tries >= budget.attempts) return stop(`${tries} ${tries === 1 ? 'try was' : 'tries were'} allowed`)
  if (tries > 0 && spentMs >= budget.minutes * 60_000) return stop(`${budget.minutes} minutes were allowed`)
  const move = last === undefined ? first(state) : (again(state, last) ?? shorter(state, last) ?? other(state, last))
  if (move !== null) return move
  return stop(last === undefined ? 'nothing may be tried' : policyOf(failureOf(state, last)).end, true)
}

/** Where a new plan need not look: a plan places each recipe once on a node, and other GPUs there may do what these did not. */
export function gpusToAvoid(tried: readonly Tried[]): { node: string; gpus: number[] }[] {
  const elsewhere = tried.filter((one) => one.candidate.gpus.length > 0 && policyOf(failureOf({ tried }, one)).next.includes('other GPUs'))
  return elsewhere.map(({ candidate: { node, gpus } }) => ({ node, gpus }))
}

/** Whether the GPUs of the last try are kept from everybody: not for a recipe that faults wherever it runs. */
export function quarantines(state: Pick<FallbackState, 'tried'>, last: Tried): boolean {
  return policyOf(failureOf(state, last)).quarantine === true
}

function first(state: FallbackState): Try | null {
  return allowed(
    state,
    () => 0,
    () => 'first choice',
  )
}

function again({ tried }: FallbackState, { candidate, failure, gaveUp = null }: Tried): Try | null {
  const { again: most = 0 } = policyOf(failure)
  const before = tried.filter((one) => one.failure === failure && isSame(one.candidate, candidate)).length
  if (before > most) return null
  const pauseMs = Math.min(PAUSE_MS.first * 2 ** (before - 1), PAUSE_MS.most)
  return { do: 'try', candidate, how: 'the same again', gaveUp, pauseMs, ask: [] }
}

/** A context that somebody asked for is given up only where that is allowed. */
function shorter({ mode }: FallbackState, { candidate, failure, gaveUp = null, maxContext }: Tried): Try | null {
  const { context = Infinity, contextFrom } = candidate
  if (policyOf(failure).shorten !== true || maxContext === undefined || maxContext >= context) return null
  const lost = contextFrom === 'request' ? [`context ${maxContext} instead of ${context}`] : []
  if (lost.length > 0 && mode !== 'any') return null
  const shortened: Candidate = { ...candidate, context: maxContext, contextFrom: contextFrom ?? 'fit' }
  const given = [...(gaveUp === null ? [] : [gaveUp]), ...lost].join('; ')
  return { do: 'try', candidate: shortened, how: 'shorter context', gaveUp: given === '' ? null : given, pauseMs: 0, ask: [] }
}

/** The next placement that no failure so far would meet again. Of those, the one that best gets around the last failure. */
function other(state: FallbackState, last: Tried): Try | null {
  const kinds = policyOf(failureOf(state, last)).next
  const rank = (candidate: Candidate) => kinds.findIndex((kind) => isOfKind(kind, last.candidate, candidate))
  return allowed(state, rank, (candidate) => kinds[rank(candidate)] ?? 'next')
}

/** What meets the request goes before what gives something up. */
function allowed(state: FallbackState, rank: (candidate: Candidate) => number, how: (candidate: Candidate) => string): Try | null {
  const left = [state.candidates, state.mode === 'any' ? state.fallback : []].flatMap((group) =>
    group.filter((candidate) => mayRun(state, candidate)).toSorted((a, b) => rank(a) - rank(b)),
  )
  for (const candidate of left) {
    const ask = state.asks ? changesToAsk(state.candidates[0] ?? null, candidate) : []
    const answer = ask.length === 0 ? true : state.answers[ask.join('; ')]
    if (answer === false) continue
    return { do: 'try', candidate, how: how(candidate), gaveUp: gaveUpOf(candidate), pauseMs: 0, ask: answer === true ? [] : ask }
  }
  return null
}

function mayRun(state: FallbackState, candidate: Candidate): boolean {
  return state.tried.every(
    (tried) => !isSame(tried.candidate, candidate) && getsAround(policyOf(failureOf(state, tried)), tried, candidate),
  )
}

function getsAround({ next }: Policy, { candidate: failed }: Tried, other: Candidate): boolean {
  return next.some((kind: Kind) => isOfKind(kind, failed, other))
}

/** A recipe that faulted on GPUs and then on others is at fault itself. */
function failureOf({ tried }: Pick<FallbackState, 'tried'>, one: Tried): string {
  if (one.failure !== 'gpu_fault') return one.failure
  const first = tried.find(({ failure, candidate }) => failure === 'gpu_fault' && candidate.recipe === one.candidate.recipe)
  return first === undefined || first === one ? one.failure : 'gpu_fault_again'
}

function isSame(a: Candidate, b: Candidate): boolean {
  return placeOf(a) === placeOf(b)
}

function placeOf({ recipe, model, precision, node, gpus, parallel, settings, context, modelFile, args, env }: Candidate): string {
  return fingerprint({ recipe, model, precision, node, gpus, parallel, settings, context, modelFile, args, env })
}

function gaveUpOf(candidate: Candidate | Fallback): string | null {
  return 'givesUp' in candidate ? candidate.givesUp : null
}

function stop(why: string, planEmpty = false): NextMove {
  return { do: 'stop', why, planEmpty }
}
