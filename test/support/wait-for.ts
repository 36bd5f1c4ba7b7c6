/** Between two looks. Longer and longer, because a look is often a query, and a core that answers those is missing elsewhere. */
const [FIRST_MS, LONGEST_MS] = [20, 150]

/** Waits until `check` gives something else than false or undefined, and returns it. Fails loudly after `timeoutMs`. */
export async function waitFor<T>(
  what: string,
  check: () => Promise<T | false | undefined> | T | false | undefined,
  timeoutMs = 30_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs
  for (let pause = FIRST_MS; ; pause = Math.min(pause * 1.5, LONGEST_MS)) {
    const value = await check()
    if (value !== false && value !== undefined) return value
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs} ms for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, pause))
  }
}

/** Waits until `check` is true. Fails loudly after half a minute: on a busy machine everything takes its time. */
export async function until(check: () => Promise<boolean> | boolean): Promise<void> {
  await waitFor('a condition of the test', check)
}
