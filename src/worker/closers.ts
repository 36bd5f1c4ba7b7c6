type Close = () => Promise<void> | void

/** What was opened is closed in reverse, each in spite of the others. The body's own failure is told before one of closing. */
export async function withClosers<T>(body: (opened: (close: Close) => void) => Promise<T>): Promise<T> {
  const closers: Close[] = []
  const [result] = await Promise.allSettled([body((close) => void closers.push(close))])
  const closed = []
  for (const close of closers.toReversed()) closed.push(...(await Promise.allSettled([(async () => close())()])))
  if (result.status === 'rejected') throw result.reason
  const failed = closed.find((outcome) => outcome.status === 'rejected')
  if (failed !== undefined) throw failed.reason
  return result.value
}
