import { describe, expect, test } from 'vitest'
import { SlotPool } from '../../src/llamacpp-server/slot-pool.js'

const first = <S>(free: readonly S[]): S => free[0] as S
const never = new AbortController().signal

describe('lending sequences', () => {
  test('who finds none free gets the next one, in order', async () => {
    const pool = new SlotPool(['a'], 10)
    const slot = await pool.acquire(first, never)
    const order: string[] = []
    const waiting = ['one', 'two'].map(async (name) => {
      await pool.acquire(first, never)
      order.push(name)
    })
    expect(pool.waiting).toBe(2)
    pool.release(slot)
    await waiting[0]
    expect(order).toEqual(['one'])
    pool.release('a')
    await waiting[1]
    expect(order).toEqual(['one', 'two'])
    expect(pool.waiting).toBe(0)
  })

  test('a full line is refused with 429', async () => {
    const pool = new SlotPool(['a'], 1)
    await pool.acquire(first, never)
    const waits = pool.acquire(first, never)
    await expect(pool.acquire(first, never)).rejects.toMatchObject({ status: 429, code: 'queue_full' })
    pool.release('a')
    await waits
  })

  test('who is aborted while waiting leaves the line', async () => {
    const pool = new SlotPool(['a'], 1)
    await pool.acquire(first, never)
    const control = new AbortController()
    const waits = pool.acquire(first, control.signal)
    control.abort(new Error('left'))
    await expect(waits).rejects.toThrow('left')
    expect(pool.waiting).toBe(0)
    pool.release('a')
    expect(await pool.acquire(first, never)).toBe('a')
  })

  test('a chooser sees the least recently used first', async () => {
    const pool = new SlotPool(['a', 'b', 'c'], 0)
    await pool.acquire(first, never)
    pool.release('a')
    let seen: readonly string[] = []
    await pool.acquire((free) => ((seen = [...free]), free[1] as string), never)
    expect(seen).toEqual(['b', 'c', 'a'])
    expect([...pool.busy]).toEqual(['c'])
  })

  test('closing sends those who wait away and takes nobody new; what is lent stays lent', async () => {
    const pool = new SlotPool(['a'], 5)
    await pool.acquire(first, never)
    const waits = pool.acquire(first, never)
    pool.close()
    await expect(waits).rejects.toMatchObject({ status: 503 })
    await expect(pool.acquire(first, never)).rejects.toMatchObject({ status: 503 })
    expect(pool.busy.size).toBe(1)
  })

  test('a slot that is given back twice is free once', async () => {
    const pool = new SlotPool(['a'], 0)
    const slot = await pool.acquire(first, never)
    pool.release(slot)
    pool.release(slot)
    await pool.acquire(first, never)
    await expect(pool.acquire(first, never)).rejects.toMatchObject({ status: 429 })
  })
})
