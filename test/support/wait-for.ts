/** Waits until `check` gives something else than false or undefined, and returns it. Fails loudly after `timeoutMs`. */
export async function waitFor<T>(
  what: string,
  check: () => Promise<T | false | undefined> | T | false | undefined,
  timeoutMs = 30_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs
  for (;;) {
    const value = await check()
    if (value !== false && value !== undefined) return value
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs} ms for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** Waits until `check` is true. Fails loudly after half a minute: on a busy machine everything takes its time. */
export async function until(check: () => Promise<boolean> | boolean): Promise<void> {
  await waitFor('a condition of the test', check)
}
