/** The person left; the work goes on. `notes` say how to come back. Ends the command with 130. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted'
  constructor(readonly notes: string[] = []) {
    super('interrupted')
  }
}

/** First SIGINT or SIGTERM: the signal aborts, and the command ends in its own way. Second: the process exits at once. */
export function watchInterrupts(target: NodeJS.Process = process): AbortSignal {
  const controller = new AbortController()
  const onSignal = (): void => {
    if (controller.signal.aborted) target.exit(130)
    controller.abort()
  }
  target.on('SIGINT', onSignal)
  target.on('SIGTERM', onSignal)
  return controller.signal
}

/** Waits for `work` until the person interrupts. The work itself is not touched. Throws Interrupted. */
export async function unlessInterrupted<T>(work: Promise<T>, signal: AbortSignal, notes: string[] = []): Promise<T> {
  let leave = (): void => {}
  const interrupted = new Promise<never>((_, reject) => {
    leave = () => reject(new Interrupted(notes))
    if (signal.aborted) leave()
    else signal.addEventListener('abort', leave, { once: true })
  })
  try {
    return await Promise.race([work, interrupted])
  } finally {
    signal.removeEventListener('abort', leave)
  }
}

/** Resolves when the signal aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

/** Waits, but no longer than until the signal aborts. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    if (signal.aborted) end()
    else signal.addEventListener('abort', end, { once: true })
  })
}
