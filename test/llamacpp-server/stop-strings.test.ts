import { describe, expect, test } from 'vitest'
import { StopStrings } from '../../src/llamacpp-server/stop-strings.js'

function run(stops: string[], deltas: string[]): { text: string; stopped: boolean; pieces: string[] } {
  const filter = new StopStrings(stops)
  const pieces = [...deltas.map((delta) => filter.push(delta)), filter.end()]
  return { text: pieces.join(''), stopped: filter.stopped, pieces }
}

describe('stop strings', () => {
  test('without any, text passes as it comes', () => {
    expect(run([], ['a', 'b']).pieces).toEqual(['a', 'b', ''])
  })

  test('the text ends before the stop string, however it is cut', () => {
    for (const cut of [1, 2, 3, 5, 100]) {
      const text = 'one, two, END three'
      const deltas = text.match(new RegExp(`.{1,${cut}}`, 'gs')) ?? []
      expect(run(['END'], deltas)).toMatchObject({ text: 'one, two, ', stopped: true })
    }
  })

  test('what only began like a stop string comes when it turns out not to be one', () => {
    expect(run(['END'], ['E', 'N', 'X']).pieces).toEqual(['', '', 'ENX', ''])
    expect(run(['END'], ['aEN'])).toMatchObject({ text: 'aEN', stopped: false })
  })

  test('the earliest of several wins', () => {
    expect(run(['three', 'two'], ['one two three']).text).toBe('one ')
  })

  test('a start that overlaps itself is found', () => {
    expect(run(['aab'], ['a', 'a', 'a', 'b', 'c'])).toMatchObject({ text: 'a', stopped: true })
  })

  test('after the stop nothing comes', () => {
    expect(run(['.'], ['a.', 'b', 'c']).pieces).toEqual(['a', '', '', ''])
  })
})
