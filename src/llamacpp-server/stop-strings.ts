/** Looks for stop strings in text that arrives in pieces. Text that may be the start of one is held back. */
export class StopStrings {
  #held = ''
  #stopped = false

  constructor(private readonly stops: readonly string[]) {}

  get stopped(): boolean {
    return this.#stopped
  }

  /** The part of the text that is certainly before any stop string. Nothing more comes once `stopped` is true. */
  push(delta: string): string {
    if (this.#stopped) return ''
    const text = this.#held + delta
    const at = Math.min(...this.stops.map((stop) => indexOrEnd(text, stop)), text.length)
    this.#stopped = at < text.length
    const safe = this.#stopped ? at : text.length - this.#openTail(text)
    this.#held = this.#stopped ? '' : text.slice(safe)
    return text.slice(0, safe)
  }

  /** What was held back: the text ended, so it was no stop string. */
  end(): string {
    const rest = this.#held
    this.#held = ''
    return rest
  }

  /** Length of the longest end of `text` that begins a stop string. */
  #openTail(text: string): number {
    return Math.max(0, ...this.stops.map((stop) => openTail(text, stop)))
  }
}

function indexOrEnd(text: string, stop: string): number {
  const at = text.indexOf(stop)
  return at === -1 ? text.length : at
}

function openTail(text: string, stop: string): number {
  for (let length = Math.min(stop.length - 1, text.length); length > 0; length--) {
    if (text.endsWith(stop.slice(0, length))) return length
  }
  return 0
}
