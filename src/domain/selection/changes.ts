import { fingerprint } from '../fingerprint.js'
import { CHANGES, type Candidate, type Change } from '../plan.js'
import type { Requirements } from '../requirements.js'
import type { GivenUp } from './recipe-rules.js'

export type Placed = Omit<Candidate, 'why' | 'changes'>

/** How a placement differs from the first choice. `settings` only where nothing larger explains the difference. */
export function changesFrom(first: Placed, other: Placed): Change[] {
  const differs: Record<Change, boolean> = {
    node: other.node !== first.node,
    settings: false,
    'fewer GPUs': other.gpus.length < first.gpus.length,
    'more GPUs': other.gpus.length > first.gpus.length,
    precision: other.precision !== first.precision,
    backend: other.backend !== first.backend,
    hardware: other.card !== first.card,
  }
  const larger = CHANGES.some((change) => change !== 'node' && differs[change])
  differs.settings = !larger && settingsOf(first) !== settingsOf(other)
  return CHANGES.filter((change) => differs[change])
}

/** Where nothing meets the requirements: how a placement differs from what was asked for. Nodes, backends and hardware are never given up. */
export function changesFromRequest(gaveUp: readonly GivenUp[], { gpus }: Placed, { gpuCount }: Requirements): Change[] {
  const lost = new Set(gaveUp.map(({ what }) => what))
  const differs: Partial<Record<Change, boolean>> = {
    settings: lost.has('context') || lost.has('concurrency') || lost.has('memory'),
    'fewer GPUs': gpuCount !== undefined && gpus.length < gpuCount,
    precision: lost.has('precision'),
  }
  return CHANGES.filter((change) => differs[change] === true)
}

function settingsOf({ recipe, model, parallel, settings, context, args, env, command, image }: Placed): string {
  return fingerprint({ recipe, model, parallel, settings, context, args, env, command, image })
}
