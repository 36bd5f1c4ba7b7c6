/** Turns tokens into text. `before` are tokens already turned, which decide on leading spaces. */
export type Detokenize<T> = (tokens: T[], before: T[]) => string

const REPLACEMENT = '\uFFFD'
const CONTEXT_TOKENS = 4

/**
 * Text of a growing list of tokens. A character may be spread over tokens, and then decodes to U+FFFD until its last byte is there:
 * such a tail is held back until it is whole.
 */
export class TextStream<T> {
  #before: T[] = []
  #pending: T[] = []
  #emitted = 0

  constructor(private readonly detokenize: Detokenize<T>) {}

  /** The text that became certain with this token; may be empty. */
  push(token: T): string {
    this.#pending.push(token)
    const text = this.detokenize(this.#pending, this.#before)
    if (text.endsWith(REPLACEMENT)) return this.#emit(text.slice(0, -1))
    const delta = this.#emit(text)
    this.#before = [...this.#before, ...this.#pending].slice(-CONTEXT_TOKENS)
    this.#pending = []
    this.#emitted = 0
    return delta
  }

  /** What was held back, as it is: the tokens ended inside a character. */
  end(): string {
    return this.#pending.length === 0 ? '' : this.#emit(this.detokenize(this.#pending, this.#before))
  }

  #emit(text: string): string {
    const delta = text.slice(this.#emitted)
    this.#emitted = Math.max(this.#emitted, text.length)
    return delta
  }
}
