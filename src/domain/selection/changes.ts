import { fingerprint } from '../fingerprint.js'
import { CHANGES, type Candidate, type Change } from '../plan.js'

type Placed = Omit<Candidate, 'why' | 'changes'>

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

function settingsOf({ recipe, model, parallel, settings, context, args, env, command, image }: Placed): string {
  return fingerprint({ recipe, model, parallel, settings, context, args, env, command, image })
}
