import type { Backend } from '../domain/engine.js'
import type { EngineEnd, Failure } from './engine.js'
import { ENVELOPES, FAILURE_CLASSES, type FailureClass } from './failure-classes.js'

/** What a signal says when the log says nothing. */
const SIGNALS: Record<string, Omit<Failure, 'lastLine'>> = {
  SIGKILL: { failure: 'killed', hint: 'something killed it, often the kernel for lack of memory: see dmesg' },
  SIGTERM: { failure: 'terminated', hint: 'something asked it to end: see who stopped it' },
  SIGSEGV: { failure: 'crashed', hint: 'the engine crashed: read its log, and try another version' },
  SIGABRT: { failure: 'crashed', hint: 'the engine crashed: read its log, and try another version' },
  SIGBUS: { failure: 'crashed', hint: 'the engine crashed, often for lack of space in /dev/shm' },
  SIGILL: { failure: 'crashed', hint: 'the engine was built for another CPU' },
}

/** A wrapper script passes a signal on as 128 + its number. */
const SIGNAL_BY_CODE: Record<number, string> = {
  132: 'SIGILL',
  134: 'SIGABRT',
  135: 'SIGBUS',
  137: 'SIGKILL',
  139: 'SIGSEGV',
  143: 'SIGTERM',
}

/** Names why an engine ended, from its log and, when the log says nothing known, from its signal or exit code. */
export function classify(backend: Backend, end: EngineEnd): Failure {
  for (const known of FAILURE_CLASSES) {
    if (known.engine !== 'any' && known.engine !== backend) continue
    const line = end.logTail.findLast((text) => known.pattern.test(text))
    if (line !== undefined) return { failure: known.failure, lastLine: line.trim(), hint: fillHint(known, line) }
  }
  const lastLine = end.logTail.findLast((text) => text.trim() !== '' && !ENVELOPES.test(text))?.trim() ?? ''
  const bySignal = SIGNALS[end.signal ?? SIGNAL_BY_CODE[end.code ?? 0] ?? '']
  return { lastLine, ...(bySignal ?? { failure: 'unknown', hint: `it ended with ${howEnded(end)}: read its log` }) }
}

function fillHint({ pattern, hint }: FailureClass, line: string): string {
  const groups = pattern.exec(line) ?? []
  return hint.replaceAll(/\$(\d)/g, (_, group: string) => groups[Number(group)] ?? '')
}

function howEnded({ code, signal }: EngineEnd): string {
  if (signal !== null) return `signal ${signal}`
  return code === null ? 'an exit code that nobody saw' : `exit code ${code}`
}
