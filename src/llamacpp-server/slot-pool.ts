import { ApiError, stopping } from './api-error.js'

type Waiting<S> = { choose: (free: readonly S[]) => S; resolve: (slot: S) => void; reject: (reason: unknown) => void }

/** A fixed number of slots, lent one at a time each; who finds none free waits in order, and the line has a limit. */
export class SlotPool<S> {
  readonly #free: S[]
  readonly #busy = new Set<S>()
  #line: Waiting<S>[] = []
  #closed = false

  constructor(
    slots: readonly S[],
    private readonly maxWaiting: number,
  ) {
    this.#free = [...slots]
  }

  get busy(): ReadonlySet<S> {
    return this.#busy
  }

  get waiting(): number {
    return this.#line.length
  }

  /**
   * Waits for a slot; `choose` picks among the free ones, least recently used first.
   * @throws ApiError 429 when the line is full, 503 when the pool was closed; the signal's reason when aborted.
   */
  async acquire(choose: (free: readonly S[]) => S, signal: AbortSignal): Promise<S> {
    signal.throwIfAborted()
    if (this.#closed) throw stopping()
    if (this.#free.length > 0) return this.#take(choose)
    if (this.#line.length >= this.maxWaiting) {
      throw new ApiError(
        429,
        'queue_full',
        `all ${this.#busy.size} sequences are busy and ${this.#line.length} requests wait; try again later`,
      )
    }
    return this.#wait(choose, signal)
  }

  release(slot: S): void {
    if (!this.#busy.delete(slot)) return
    this.#free.push(slot)
    const next = this.#line.shift()
    if (next) next.resolve(this.#take(next.choose))
  }

  /** Sends everybody who waits away; slots that are lent stay lent. */
  close(): void {
    this.#closed = true
    const line = this.#line
    this.#line = []
    for (const entry of line) entry.reject(stopping())
  }

  #wait(choose: (free: readonly S[]) => S, signal: AbortSignal): Promise<S> {
    return new Promise<S>((resolve, reject) => {
      const entry: Waiting<S> = { choose, resolve, reject }
      const leave = (): void => {
        this.#line = this.#line.filter((other) => other !== entry)
        reject(signal.reason as Error)
      }
      signal.addEventListener('abort', leave, { once: true })
      entry.resolve = (slot) => {
        signal.removeEventListener('abort', leave)
        resolve(slot)
      }
      this.#line.push(entry)
    })
  }

  #take(choose: (free: readonly S[]) => S): S {
    const slot = choose(this.#free)
    this.#free.splice(this.#free.indexOf(slot), 1)
    this.#busy.add(slot)
    return slot
  }
}
