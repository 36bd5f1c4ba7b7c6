import { chmod, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { isFree, tryPythonLock, type PythonLock } from '../../../src/adapters/weights/python-lock.js'
import { temporaryFolder } from '../../support/sample-model.js'

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let file: string
beforeEach(async () => {
  folder = await temporaryFolder()
  file = join(folder.path, 'locks', 'x.lock')
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await folder.remove()
})

const taken = (lock: PythonLock): { release(): Promise<void> } => {
  if (typeof lock === 'string') throw new Error(`the lock is ${lock}`)
  return lock
}

it('is held by one at a time, and free again after it', async () => {
  expect(await tryPythonLock(file)).toBe('absent')
  expect(await isFree(file)).toBe(true)
  const lock = taken(await tryPythonLock(file, { create: true }))
  expect(await tryPythonLock(file)).toBe('held')
  expect(await isFree(file)).toBe(false)
  await lock.release()
  expect(await isFree(file)).toBe(true)
})

it('of many tries at once one gets it', async () => {
  const locks = await Promise.all(Array.from({ length: 16 }, () => tryPythonLock(file, { create: true })))
  expect(locks.filter((lock) => lock === 'held')).toHaveLength(15)
  for (const lock of locks) if (typeof lock === 'object') await lock.release()
})

it('is unknown where there is no flock, and for a link', async () => {
  await taken(await tryPythonLock(file, { create: true })).release()
  await symlink(file, join(folder.path, 'link'))
  expect(await tryPythonLock(join(folder.path, 'link'))).toBe('unknown')
  vi.stubEnv('PATH', folder.path)
  expect(await tryPythonLock(file)).toBe('unknown')
})

it('holds up nothing else while it is tried, however slow the program is', async () => {
  const real = process.env['PATH'] ?? ''
  await writeFile(join(folder.path, 'flock'), `#!/bin/sh\nsleep 0.3\nPATH=${real} exec flock "$@"\n`)
  await chmod(join(folder.path, 'flock'), 0o755)
  vi.stubEnv('PATH', `${folder.path}:${real}`)
  const order: string[] = []
  const trying = tryPythonLock(file, { create: true }).then((lock) => {
    order.push('lock')
    return lock
  })
  setTimeout(() => order.push('beat'), 20)
  await taken(await trying).release()
  expect(order).toEqual(['beat', 'lock'])
})
