import type { OperationProgress } from '../../contracts/deploy.js'

/** What is known about running work at one moment. `problem` says why nothing newer is known. */
export type Frame = { progress: OperationProgress | null; problem: string | null }

/** Shows running work on stderr. `now` is milliseconds since the epoch; calls come every poll, changed or not. */
export interface ProgressRenderer {
  update(frame: Frame, now: number): void
  /** The work has ended, well or not, or the person left. */
  end(now: number): void
}

/** What a person is asked, and how to answer. */
export function questionText({ progress }: Frame): string | null {
  const { approval } = progress ?? {}
  return approval === undefined
    ? null
    : `asks until ${approval.until.slice(0, 19)}Z: ${approval.question}? aim approve NAME, or aim reject NAME`
}
