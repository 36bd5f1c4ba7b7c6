import type { StepProgress } from '../../contracts/deploy.js'
import type { Stream } from '../cli.js'
import { visible } from '../output/sanitize.js'
import type { Paint, Style } from '../output/style.js'
import { truncate } from '../output/table.js'
import { duration } from '../output/units.js'
import { questionText, type Frame, type ProgressRenderer } from './frame.js'
import { rateMeter, transferText } from './rate.js'

const MARKS = { waiting: '○', running: '●', done: '✔', failed: '✖', skipped: '–' } as const
const STYLES: Record<StepProgress['state'], Style | null> = {
  waiting: 'dim',
  running: 'cyan',
  done: 'green',
  failed: 'red',
  skipped: 'dim',
}

/** A live list of steps, redrawn in place and only when something on it changed. */
export function ttyProgress(stream: Stream, paint: Paint): ProgressRenderer {
  const rate = rateMeter()
  let drawn = { lines: 0, text: '' }
  let last: Frame = { progress: null, problem: null }

  const draw = (now: number): void => {
    const width = (stream.columns ?? 80) - 1
    const lines = linesOf(last, now, rate)
      .slice(-Math.max(1, (stream.rows ?? 24) - 1))
      .map(([text, style]) => (style === null ? truncate(text, width) : paint(style, truncate(text, width))))
    const text = lines.map((line) => `\u001b[2K${line}\n`).join('')
    if (text === drawn.text) return
    const back = drawn.lines > 0 ? `\u001b[${drawn.lines}A\r` : ''
    stream.write(`${back}${text}${lines.length < drawn.lines ? '\u001b[J' : ''}`)
    drawn = { lines: lines.length, text }
  }

  return {
    update(frame, now) {
      last = frame
      draw(now)
    },
    end: draw,
  }
}

type Line = [text: string, style: Style | null]

function linesOf({ progress, problem }: Frame, now: number, rate: ReturnType<typeof rateMeter>): Line[] {
  const lines = (progress?.steps ?? []).flatMap((step): Line[] => {
    const lines: Line[] = [[stepLine(step, now), STYLES[step.state]]]
    if (step.state === 'running' && progress?.bytes)
      lines.push([`    ${visible(transferText(progress.bytes, rate(progress.bytes, now)))}`, null])
    return lines
  })
  const remarks = [questionText({ progress, problem }), problem].filter((text) => text !== null)
  return [...lines, ...remarks.map((text): Line => [`! ${visible(text)}`, 'yellow'])]
}

function stepLine({ step, state, startedAt, endedAt, detail }: StepProgress, now: number): string {
  const took = startedAt === undefined ? null : (endedAt === undefined ? now : Date.parse(endedAt)) - Date.parse(startedAt)
  const time = took === null || state === 'skipped' || (state === 'running' && took < 1000) ? '' : `  ${elapsed(took, state)}`
  return visible(`${MARKS[state]} ${step.padEnd(10)}${time}${detail === undefined ? '' : `  ${detail}`}`.trimEnd())
}

/** Whole seconds while it runs: a redraw a second is enough. */
function elapsed(ms: number, state: StepProgress['state']): string {
  return state === 'running' && ms < 60_000 ? `${Math.floor(ms / 1000)} s` : duration(Math.max(0, ms))
}
