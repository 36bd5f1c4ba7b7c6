type Close = () => Promise<void> | void

/** What was opened is closed in reverse, each in spite of the others; the first failure is told when all are closed. */
export async function withClosers<T>(body: (opened: (close: Close) => void) => Promise<T>): Promise<T> {
  const closers: Close[] = []
  try {
    return await body((close) => void closers.push(close))
  } finally {
    await closeAll(closers.toReversed())
  }
}

async function closeAll(closers: Close[]): Promise<void> {
  const failures: unknown[] = []
  for (const close of closers) {
    try {
      await close()
    } catch (error) {
      failures.push(error)
    }
  }
  if (failures.length > 0) throw failures[0]
}
