import { TimeoutFailure, defineQuery, isCancellation, setCurrentDetails, setHandler } from '@temporalio/workflow'
import type { OperationProgress, StepProgress } from '../src/contracts/deploy.js'
import { PROGRESS_QUERY } from '../src/contracts/messages.js'

/** The steps of a flow, as the query `progress` and the Temporal UI show them. */
export class Steps<Name extends string> {
  private readonly steps: Record<Name, StepProgress>

  /** A question that waits for a person. */
  approval: OperationProgress['approval']

  constructor(names: readonly Name[]) {
    const waiting = names.map((step): [Name, StepProgress] => [step, { step, state: 'waiting' }])
    this.steps = Object.fromEntries(waiting) as Record<Name, StepProgress>
    setHandler(defineQuery<OperationProgress>(PROGRESS_QUERY), () => ({
      steps: this.all(),
      ...(this.approval && { approval: this.approval }),
    }))
  }

  /** Runs one step and keeps its times. `say` adds what a person wants to know of it. */
  async run<T>(name: Name, work: (say: (detail: string) => void) => Promise<T>): Promise<T> {
    const step = this.steps[name]
    const set = (change: Partial<StepProgress>) => {
      Object.assign(step, change)
      setCurrentDetails(this.markdown())
    }
    set({ state: 'running', startedAt: now() })
    try {
      const result = await work((detail) => set({ detail }))
      set({ state: 'done', endedAt: now() })
      return result
    } catch (error) {
      set({ state: 'failed', endedAt: now(), detail: isCancellation(error) ? 'cancelled' : rootMessage(error) })
      throw error
    }
  }

  /** What another flow does of a step of this one. */
  tell({ step: name, state, detail }: { step: Name; state: StepProgress['state']; detail?: string }): void {
    const times = state === 'running' ? { startedAt: now() } : { endedAt: now() }
    if (state === 'running') this.steps[name] = { step: name, state }
    Object.assign(this.steps[name], { state, ...times, ...(detail !== undefined && { detail }) })
    setCurrentDetails(this.markdown())
  }

  /** What was running when the work broke off. */
  breakOff(detail: string): void {
    for (const step of this.all()) if (step.state === 'running') Object.assign(step, { state: 'failed', endedAt: now(), detail })
    setCurrentDetails(this.markdown())
  }

  skip(...names: Name[]): void {
    for (const name of names) this.steps[name].state = 'skipped'
    setCurrentDetails(this.markdown())
  }

  /** Milliseconds by finished step. */
  timings(): Record<string, number> {
    const done = this.all().filter((step) => step.startedAt !== undefined && step.endedAt !== undefined)
    return Object.fromEntries(done.map((step) => [step.step, Date.parse(step.endedAt ?? '') - Date.parse(step.startedAt ?? '')]))
  }

  private all(): StepProgress[] {
    return Object.values(this.steps)
  }

  private markdown(): string {
    return this.all()
      .map((step) => `- ${MARKS[step.state]} **${step.step}** ${step.detail ?? ''}`.trimEnd())
      .join('\n')
  }
}

const MARKS = { waiting: '·', running: '▶', done: '✔', failed: '✘', skipped: '–' } as const

/** The cause that a person can act on: Temporal wraps it in an activity failure. */
export function rootMessage(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined
  if (cause instanceof Error) return rootMessage(cause)
  if (error instanceof TimeoutFailure) return TIMEOUTS[error.timeoutType ?? ''] ?? error.message
  return error instanceof Error ? error.message : String(error)
}

/** In place of `activity Heartbeat timeout`. */
const TIMEOUTS: Record<string, string> = {
  SCHEDULE_TO_START: 'nobody there took the work up',
  SCHEDULE_TO_CLOSE: 'it was not done in the time that it has',
  START_TO_CLOSE: 'it took longer than it may',
  HEARTBEAT: 'whoever was at it was not heard any more',
}

const now = (): string => new Date().toISOString()
