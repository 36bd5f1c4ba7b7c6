import { randomOf, type Random } from '../support/random.js'

/**
 * What strikes, and in how many seconds all stands as it should: from the strike on, or from the end of what `lasts`. Where a worker or the server
 * dies with an activity under way, that one is done again when its next beat is overdue. `degrades`: an endpoint may be left with its reason.
 */
export const FAULTS = {
  'control worker killed': { seconds: 45, lasts: true },
  'node worker killed': { seconds: 60, lasts: true },
  'Temporal killed': { seconds: 60 },
  'engine killed': { seconds: 20 },
  'engine hangs': { seconds: 30 },
  'node cut off': { seconds: 45, lasts: true },
  'GPU gone': { seconds: 30, degrades: true },
  'disk full': { seconds: 30 },
  'started twice': { seconds: 30 },
  'terminated by hand': { seconds: 30 },
  'reset by hand': { seconds: 45 },
  'clock stepped': { seconds: 30, lasts: true },
  'slow hub': { seconds: 45, lasts: true },
} as const satisfies Record<string, FaultClass>
type FaultClass = { seconds: number; lasts?: true; degrades?: true }
export type FaultName = keyof typeof FAULTS
export const FAULT_NAMES = Object.keys(FAULTS) as FaultName[]
export const classOf = (fault: FaultName): FaultClass => FAULTS[fault]

export const NODES = ['n1', 'n2', 'n3'] as const
export type NodeName = (typeof NODES)[number]
export const GPUS = 4

/** Steps of a deploy at which a fault may strike; null: after a time. */
const STEPS = ['pin', 'detect', 'plan', 'warm', 'launch', 'ready', 'hand over', null] as const
type Step = (typeof STEPS)[number]

/** `standing`: deployed well before the fault. `stopAfterMs`: it is stopped while the fault strikes; null: it is not. */
export type PlannedEndpoint = {
  name: string
  model: string
  gpus: number
  standing: boolean
  deployAfterMs: number
  stopAfterMs: number | null
}

/** Everything that a run leaves to chance, settled before it begins. */
export type Schedule = {
  seed: number
  fault: FaultName
  endpoints: PlannedEndpoint[]
  node: NodeName
  /** One of `endpoints`. */
  endpoint: string
  /** Strikes when the deploy of `endpoint` is at this step, else after `strikeAfterMs`. */
  step: Step
  strikeAfterMs: number
  /** How long what lasts lasts. */
  lastsMs: number
  /** Faults with several forms choose theirs by it. */
  variant: number
}

/** The same seed gives the same run. The fault may be named; all else follows from the seed alone. */
export function scheduleOf(seed: number, named: FaultName | null = null): Schedule {
  const random = randomOf(seed)
  const drawn = random.pick(FAULT_NAMES)
  const fault = named ?? drawn
  const endpoints = Array.from({ length: 1 + random.below(3) }, (_, index) => endpointOf(random, seed, index))
  // Something must be there for it to strike.
  const [first] = endpoints
  if (first !== undefined && NEEDS_ENGINE.includes(fault)) Object.assign(first, { standing: true, stopAfterMs: null })
  if (first !== undefined && NEEDS_DEPLOY.includes(fault)) first.standing = false
  // Drawn whether it is used or not: naming the fault changes nothing else.
  const step = random.pick(STEPS)
  return {
    seed,
    fault,
    endpoints,
    node: random.pick(NODES),
    endpoint: first?.name ?? '',
    step: first?.standing === true ? null : step,
    strikeAfterMs: random.below(2_500),
    lastsMs: 500 + random.below(9_500),
    variant: random.below(1_000),
  }
}

const NEEDS_ENGINE: FaultName[] = ['engine killed', 'engine hangs', 'GPU gone']
const NEEDS_DEPLOY: FaultName[] = ['started twice', 'terminated by hand', 'reset by hand', 'disk full', 'slow hub']

function endpointOf(random: Random, seed: number, index: number): PlannedEndpoint {
  const name = `c${seed}-${index}`
  const [model, gpus] = [random.pick(['org/tiny', 'org/small']), random.pick([1, 1, 2, 4])]
  return {
    name,
    model,
    gpus,
    standing: random.below(2) === 0,
    deployAfterMs: random.below(1_000),
    stopAfterMs: random.below(4) === 0 ? random.below(4_000) : null,
  }
}

/** What a run does, in one line. */
export function describe({ seed, fault, endpoints, node, endpoint, step, strikeAfterMs, lastsMs, variant }: Schedule): string {
  const when = step === null ? `after ${strikeAfterMs} ms` : `at ${step} of ${endpoint}`
  const what = endpoints.map(
    ({ name, gpus, standing, stopAfterMs }) =>
      `${name} (${gpus} GPU${standing ? ', stands' : ''}${stopAfterMs === null ? '' : `, stopped after ${stopAfterMs} ms`})`,
  )
  return `seed ${seed}: ${fault} ${when}, on ${node}, for ${lastsMs} ms, form ${variant}: ${what.join(', ')}`
}
