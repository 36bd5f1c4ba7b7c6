import type { Stream } from '../cli.js'
import type { Frame, ProgressRenderer } from './frame.js'
import { HEARTBEAT_MS } from './plain.js'
import { rateMeter } from './rate.js'

const BYTES_EVERY_MS = 1000

/** One JSON object a line: `step` on every change, `bytes` at most once a second, `question`, `problem`, and `heartbeat` when nothing else came. */
export function jsonProgress(stream: Stream): ProgressRenderer {
  const rate = rateMeter()
  const known = new Map<string, string>()
  let problem: string | null = null
  let asked: string | null = null
  let lastLine: number | null = null
  let lastBytes = { at: 0, done: -1 }

  const print = (event: string, facts: object, now: number): void => {
    stream.write(`${JSON.stringify({ time: new Date(now).toISOString(), event, ...facts })}\n`)
    lastLine = now
  }

  return {
    update({ progress, problem: current }: Frame, now) {
      for (const step of progress?.steps ?? []) {
        const text = JSON.stringify(step)
        if (step.state === 'waiting' || known.get(step.step) === text) continue
        known.set(step.step, text)
        print('step', step, now)
      }
      if (progress?.bytes && progress.bytes.done !== lastBytes.done && now - lastBytes.at >= BYTES_EVERY_MS) {
        lastBytes = { at: now, done: progress.bytes.done }
        print('bytes', { ...progress.bytes, ...rate(progress.bytes, now) }, now)
      }
      if (progress?.approval && progress.approval.until !== asked) print('question', progress.approval, now)
      asked = progress?.approval?.until ?? null
      if (current !== null && current !== problem) print('problem', { problem: current }, now)
      problem = current
      lastLine ??= now
      if (now - lastLine >= HEARTBEAT_MS) print('heartbeat', {}, now)
    },
    end() {},
  }
}
