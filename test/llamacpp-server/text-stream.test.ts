import { describe, expect, test } from 'vitest'
import { TextStream } from '../../src/llamacpp-server/text-stream.js'

/** A tokenizer whose tokens are byte strings in hex, as a byte-level BPE has them. */
const decode = (tokens: string[]): string => Buffer.from(tokens.join(''), 'hex').toString('utf8')

function pieces(tokens: string[]): string[] {
  const stream = new TextStream<string>(decode)
  return [...tokens.map((token) => stream.push(token)), stream.end()]
}

const bytesOf = (text: string): string[] => [...Buffer.from(text)].map((byte) => byte.toString(16).padStart(2, '0'))

describe('text of a growing list of tokens', () => {
  test('a character that is spread over tokens comes once, when it is whole', () => {
    expect(pieces(bytesOf('a😀b'))).toEqual(['a', '', '', '', '😀', 'b', ''])
  })

  test('whole characters before an open one are not held back', () => {
    const [first, second] = [Buffer.from('é').toString('hex'), Buffer.from('漢').toString('hex')]
    expect(pieces([first + second.slice(0, 2), second.slice(2)])).toEqual(['é', '漢', ''])
  })

  test('tokens that each end inside a character lose nothing', () => {
    const hex = Buffer.from('😀😁😂🤣').toString('hex')
    const tokens = [hex.slice(0, 4), hex.slice(4, 12), hex.slice(12, 20), hex.slice(20, 28), hex.slice(28)]
    expect(pieces(tokens).join('')).toBe('😀😁😂🤣')
    expect(pieces(tokens).join('')).not.toContain('\uFFFD')
  })

  test('an end inside a character is told as such, once', () => {
    expect(pieces(bytesOf('a😀').slice(0, 3))).toEqual(['a', '', '', '\uFFFD'])
  })

  test('a replacement character that the model really wrote survives', () => {
    expect(pieces(bytesOf('a\uFFFDb')).join('')).toBe('a\uFFFDb')
    expect(pieces(bytesOf('a\uFFFD')).join('')).toBe('a\uFFFD')
  })

  test('the decoder sees the tokens before, for leading spaces', () => {
    const seen: string[][] = []
    const stream = new TextStream<string>((tokens, before) => {
      seen.push(before)
      return decode(tokens)
    })
    for (const token of bytesOf('abcdef')) stream.push(token)
    expect(seen[0]).toEqual([])
    expect(seen[5]).toEqual(['62', '63', '64', '65'])
  })
})
