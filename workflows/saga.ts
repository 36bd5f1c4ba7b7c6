import { CancellationScope, CancelledFailure, log } from '@temporalio/workflow'

type Step = () => Promise<unknown>

/** Registers the undo of a step **before** the step is done, so that a step cut in half is undone too. Each undo is idempotent. */
export interface Undo {
  (step: Step): void
  /** Forgets all undos: what was done has a new owner. */
  drop(): void
}

/** Runs `body`; when it fails or is cancelled, runs its undos in reverse, each in spite of the others and of the cancellation. */
export async function withUndo<T>(body: (undo: Undo) => Promise<T>): Promise<T> {
  const steps: Step[] = []
  const undo: Undo = Object.assign((step: Step) => void steps.push(step), { drop: () => void steps.splice(0) })
  try {
    return await body(undo)
  } catch (error) {
    await CancellationScope.nonCancellable(() => unwind(steps))
    throw error
  }
}

async function unwind(steps: Step[]): Promise<void> {
  for (const step of steps.toReversed()) {
    try {
      await step()
    } catch (error) {
      log.error('an undo failed; the others go on', { error: String(error) })
    }
  }
}

/** What was waited for may end well although it was called off: the flow ends here all the same. */
export function throwIfCancelled(): void {
  if (CancellationScope.current().consideredCancelled) throw new CancelledFailure('cancelled before it was handed over')
}
