import type { Backend } from '../domain/engine.js'
import type { EngineEnd, Failure, FailureFacts } from './engine.js'
import { CHILD_END, ENVELOPES, FAILURE_CLASSES, KILLS_ITSELF, type FailureClass } from './failure-classes.js'

type Verdict = Pick<Failure, 'failure' | 'hint'>

/** What a signal says when the log says nothing. */
const SIGNALS: Record<string, Verdict> = {
  SIGKILL: { failure: 'killed', hint: 'something killed it, often the kernel for lack of memory: see dmesg' },
  SIGTERM: { failure: 'terminated', hint: 'something asked it to end: see who stopped it' },
  SIGSEGV: { failure: 'crashed', hint: 'the engine crashed: read its log, and try another version' },
  SIGABRT: { failure: 'crashed', hint: 'the engine crashed: read its log, and try another version' },
  SIGBUS: { failure: 'crashed', hint: 'the engine crashed, often for lack of space in /dev/shm' },
  SIGILL: { failure: 'crashed', hint: 'the engine was built for another CPU' },
}

const SIGNAL_BY_NUMBER: Record<number, string> = { 4: 'SIGILL', 6: 'SIGABRT', 7: 'SIGBUS', 9: 'SIGKILL', 11: 'SIGSEGV', 15: 'SIGTERM' }

/** Characters of a line that are looked at: its beginning and its end. A pattern on a line of megabytes could take minutes. */
const EACH_END = 4_000
/** Characters of a line that are worth keeping. */
const LONGEST = 2_000

/** Names why an engine ended, from its log and, when the log says nothing known, from its signal or exit code. */
export function classify(backend: Backend, end: EngineEnd): Failure {
  const lines = end.logTail.map(endsOf)
  for (const known of FAILURE_CLASSES) {
    if (known.engine !== 'any' && known.engine !== backend) continue
    const line = lineOf(known, end, lines)
    if (line !== undefined) return { failure: known.failure, lastLine: shown(line), ...told(known, line) }
  }
  return { ...(bySignalOfChild(lines) ?? { ...byEnd(end, lines), lastLine: shown(lastOf(lines)) }), facts: {} }
}

function lineOf(known: FailureClass, end: EngineEnd, lines: readonly string[]): string | undefined {
  if (known.exit !== undefined && known.exit !== end.code) return undefined
  if (known.silent !== true) return lines.findLast((text) => known.pattern.test(text))
  const last = lastOf(lines)
  return endedByItself(end) || !known.pattern.test(last) ? undefined : last
}

/** What the engine's own words add to the class: its hint filled in, and figures that the next attempt can use. */
function told({ pattern, hint }: FailureClass, line: string): { hint: string; facts: FailureFacts } {
  const found = pattern.exec(line)
  const maxContext = Number(found?.groups?.['maxContext'])
  return {
    hint: hint.replaceAll(/\$(\d)/g, (_, group: string) => found?.[Number(group)] ?? ''),
    facts: maxContext > 0 ? { maxContext } : {},
  }
}

/** An engine of many processes ends with code 1 when one of them is killed: its log tells by what. */
function bySignalOfChild(lines: readonly string[]): (Verdict & { lastLine: string }) | null {
  for (const line of lines.toReversed()) {
    const code = CHILD_END.map((pattern) => pattern.exec(line)?.[1]).find((found) => found !== undefined)
    const verdict = SIGNALS[SIGNAL_BY_NUMBER[-Number(code)] ?? '']
    if (verdict !== undefined) return { ...verdict, lastLine: shown(line) }
  }
  return null
}

function byEnd(end: EngineEnd, lines: readonly string[]): Verdict {
  // A wrapper script passes a signal on as 128 + its number.
  const signal = end.signal ?? SIGNAL_BY_NUMBER[(end.code ?? 0) - 128] ?? ''
  const killedItself = signal === 'SIGKILL' && lines.some((line) => KILLS_ITSELF.test(line))
  const known = killedItself || end.stalled === true ? undefined : SIGNALS[signal]
  return known ?? { failure: 'unknown', hint: `it ${howEnded(end)}: read its log` }
}

function howEnded({ code, signal, stalled }: EngineEnd): string {
  if (stalled === true) return 'stood still'
  if (signal !== null) return `ended with signal ${signal}`
  return code === null ? 'ended with an exit code that nobody saw' : `ended with exit code ${code}`
}

function endedByItself({ code, signal, stalled }: EngineEnd): boolean {
  return stalled !== true && (code !== null || signal !== null)
}

function lastOf(lines: readonly string[]): string {
  return lines.findLast((text) => text.trim() !== '' && !ENVELOPES.test(text)) ?? ''
}

function endsOf(line: string): string {
  return line.length <= 2 * EACH_END ? line : `${line.slice(0, EACH_END)} ... ${line.slice(-EACH_END)}`
}

function shown(line: string): string {
  const text = line.trim()
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST)} ...`
}
