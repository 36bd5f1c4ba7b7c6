import type { StepProgress } from '../../contracts/deploy.js'
import type { Stream } from '../cli.js'
import { visible } from '../output/sanitize.js'
import { duration } from '../output/units.js'
import { questionText, type Frame, type ProgressRenderer } from './frame.js'
import { rateMeter, transferText } from './rate.js'

export const HEARTBEAT_MS = 10_000

/** One timestamped line for every change, and one every ten seconds in which nothing changed: a log that shows life. */
export function plainProgress(stream: Stream): ProgressRenderer {
  const rate = rateMeter()
  const known = new Map<string, string>()
  let problem: string | null = null
  let asked: string | null = null
  let lastLine: number | null = null

  const print = (text: string, now: number): void => {
    stream.write(`${new Date(now).toISOString().slice(0, 19)}Z ${visible(text)}\n`)
    lastLine = now
  }

  return {
    update(frame, now) {
      const transfer = frame.progress?.bytes
      const bytesText = transfer === undefined ? null : transferText(transfer, rate(transfer, now))
      for (const step of frame.progress?.steps ?? []) {
        const text = stepText(step)
        if (step.state === 'waiting' || known.get(step.step) === text) continue
        known.set(step.step, text)
        print(text, now)
      }
      const question = questionText(frame)
      if (question !== null && question !== asked) print(question, now)
      asked = question
      if (frame.problem !== null && frame.problem !== problem) print(frame.problem, now)
      problem = frame.problem
      lastLine ??= now
      if (now - lastLine >= HEARTBEAT_MS) print(heartbeat(frame, bytesText, now), now)
    },
    end() {},
  }
}

function stepText({ step, state, startedAt, endedAt, detail }: StepProgress): string {
  const took =
    startedAt !== undefined && endedAt !== undefined ? ` in ${duration(Math.max(0, Date.parse(endedAt) - Date.parse(startedAt)))}` : ''
  return `${step}: ${state}${state === 'skipped' ? '' : took}${detail === undefined ? '' : `: ${detail}`}`
}

function heartbeat({ progress, problem }: Frame, bytesText: string | null, now: number): string {
  const running = progress?.steps.find(({ state }) => state === 'running')
  if (running === undefined) return problem ?? 'still waiting'
  const since = running.startedAt === undefined ? '' : ` for ${duration(Math.max(0, now - Date.parse(running.startedAt)))}`
  return `${running.step}: still running${since}${bytesText === null ? '' : `: ${bytesText}`}`
}
