/** The head of an HTTP/1.1 answer, as our own connections read it. */
export type AnswerHead = { statusCode: number; headers: Record<string, string> }

/** Longer heads are no answer of a server of files. */
export const MOST_HEAD_BYTES = 64 << 10
const END = Buffer.from('\r\n\r\n')

/** Bytes of the head with its empty line, or null when it is not whole yet. */
export function headLength(bytes: Buffer): number | null {
  const end = bytes.indexOf(END)
  return end === -1 ? null : end + END.length
}

/**
 * Reads a head, strictly: what is not plain HTTP/1.1, or says its length twice in two ways, is no answer. Names in lower case; values of a
 * repeated name are joined as RFC 9110 allows.
 * @throws SyntaxError
 */
export function parseHead(bytes: Buffer): AnswerHead {
  const [first = '', ...lines] = bytes.toString('latin1').split('\r\n')
  const status = /^HTTP\/1\.[01] ([1-5]\d\d)(?: |$)/.exec(first)?.[1]
  if (status === undefined) throw new SyntaxError('the answer is no HTTP/1.1')
  const headers: Record<string, string> = {}
  for (const line of lines) {
    if (line === '') continue
    const [, name, value] = /^([!#$%&'*+.^_`|~\w-]+):[ \t]*(.*?)[ \t]*$/.exec(line) ?? []
    if (name === undefined || value === undefined) throw new SyntaxError('the answer has a header that is none')
    const key = name.toLowerCase()
    const before = headers[key]
    if (key === 'content-length' && before !== undefined && before !== value) throw new SyntaxError('the answer says two lengths')
    headers[key] = before === undefined || key === 'content-length' ? value : `${before}, ${value}`
  }
  return { statusCode: Number(status), headers }
}

/** Whether what follows this head is a body of exactly the announced length, and no more. */
export function hasPlainBody({ headers }: AnswerHead): boolean {
  return /^\d+$/.test(headers['content-length'] ?? '') && headers['transfer-encoding'] === undefined
}
