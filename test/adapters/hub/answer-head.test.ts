import { describe, expect, it } from 'vitest'
import { hasPlainBody, headLength, parseHead } from '../../../src/adapters/hub/answer-head.js'

const head = (...lines: string[]): Buffer => Buffer.from([...lines, '', ''].join('\r\n'), 'latin1')
const parse = (...lines: string[]) => parseHead(head(...lines))

describe('headLength', () => {
  it('counts up to the empty line, and no head is whole before it', () => {
    const whole = head('HTTP/1.1 200 OK', 'a: b')
    for (let length = 0; length < whole.length; length++) expect(headLength(whole.subarray(0, length))).toBeNull()
    expect(headLength(whole)).toBe(whole.length)
    expect(headLength(Buffer.concat([whole, Buffer.from('body\r\n\r\n')]))).toBe(whole.length)
  })
})

describe('parseHead', () => {
  it('reads names in any case, values without the space around them, and joins what is repeated', () => {
    expect(parse('HTTP/1.1 206 Partial Content', 'Content-Length:5', 'X-A: \t one ', 'x-a:two', 'Empty:')).toEqual({
      statusCode: 206,
      headers: { 'content-length': '5', 'x-a': 'one, two', empty: '' },
    })
  })

  it.each(['HTTP/1.1 200 OK', 'HTTP/1.1 200', 'HTTP/1.1 200 ', 'HTTP/1.0 200 OK', 'HTTP/1.1 200 \u00fcber'])('takes %j', (line) => {
    expect(parse(line).statusCode).toBe(200)
  })

  it.each(['HTTP/2 200', 'HTTP/1.1 20', 'HTTP/1.1 2000 OK', 'HTTP/1.1 600 OK', 'http/1.1 200 OK', 'SSH-2.0-x', '', ' HTTP/1.1 200 OK'])(
    'refuses %j',
    (line) => {
      expect(() => parse(line)).toThrow(SyntaxError)
    },
  )

  it.each([
    'no colon',
    ' folded: line',
    'name : value',
    ': value',
    'na me: value',
    'a\u0000b: c',
    'caf\u00e9: c',
    'a: b\rc: d',
    'a: b\nc: d',
  ])('refuses the header %j', (line) => {
    expect(() => parse('HTTP/1.1 200 OK', line)).toThrow(SyntaxError)
  })

  it('refuses two lengths, and takes one that is said twice', () => {
    expect(() => parse('HTTP/1.1 200 OK', 'content-length: 5', 'content-length: 6')).toThrow('two lengths')
    expect(parse('HTTP/1.1 200 OK', 'content-length: 5', 'content-length: 5').headers['content-length']).toBe('5')
  })
})

describe('hasPlainBody', () => {
  it.each([
    [['content-length: 5'], true],
    [['content-length: 0'], true],
    [[], false],
    [['content-length: -5'], false],
    [['content-length: 5x'], false],
    [['content-length: 5, 5'], false],
    [['content-length: +5'], false],
    [['transfer-encoding: chunked'], false],
    [['content-length: 5', 'transfer-encoding: chunked'], false],
  ])('%j: %s', (lines, plain) => {
    expect(hasPlainBody(parse('HTTP/1.1 206 OK', ...lines))).toBe(plain)
  })
})
