import { sleep } from '@temporalio/workflow'

/** What one completed workflow task may carry is limited to 4 MB; an entry of a list of files takes some 200 bytes. */
const MOST_ENTRIES_A_TASK = 10_000

/**
 * Works on all items at the same time, each to its end in spite of the others, also when the flow is cancelled: nothing is under way
 * any more when it returns or throws. `entries` is how many files the input of one item lists.
 */
export async function atOnce<T>(items: readonly T[], entries: number, work: (item: T) => Promise<void>): Promise<void> {
  const running: Promise<{ error: unknown } | null>[] = []
  let listed = 0
  for (const item of items) {
    running.push(outcomeOf(work(item)))
    listed += entries
    if (listed < MOST_ENTRIES_A_TASK) continue
    listed = 0
    running.push(outcomeOf(sleep('1 ms')))
    await running.at(-1)
  }
  const failed = (await Promise.all(running)).find((outcome) => outcome !== null)
  if (failed) throw failed.error
}

/** The same, but only so many at a time. */
export async function inTurns<T>(items: readonly T[], most: number, work: (item: T) => Promise<void>): Promise<void> {
  const left = items.values()
  await atOnce(Array.from({ length: Math.min(most, items.length) }), 0, async () => {
    for (const item of left) await work(item)
  })
}

const outcomeOf = (work: Promise<unknown>): Promise<{ error: unknown } | null> =>
  work.then(
    () => null,
    (error: unknown) => ({ error }),
  )
