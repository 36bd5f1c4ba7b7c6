import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { lockFile, tryLockFile } from '../../src/config/lock-file.js'
import { processStartTime } from '../../src/config/stack-file.js'

let folder: string
let file: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'aim-test-lock-'))
  file = join(folder, 'made', 'on the way', 'lock')
})
afterEach(() => rmSync(folder, { recursive: true }))

test('a lock is refused to a second holder, by name and pid, and free after its release', () => {
  const lock = lockFile(file, 'the thing')
  expect(() => lockFile(file, 'the thing')).toThrow(`the thing is already running (pid ${process.pid})`)
  lock.release()
  lock.release()
  lockFile(file, 'the thing').release()
})

test('a file that names a live process is no lock', () => {
  lockFile(file, 'x').release()
  writeFileSync(file, JSON.stringify({ pid: process.pid, startTime: processStartTime(process.pid) }))
  const lock = lockFile(file, 'x')
  expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ pid: process.pid })
  lock.release()
})

test('no child process inherits the lock', async () => {
  const lock = lockFile(file, 'x')
  const child = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' })
  onTestFinished(() => void child.kill())
  await once(child, 'spawn')
  lock.release()
  expect(tryLockFile(file)).toHaveProperty('release')
})

test('where there is no flock program the named holder decides, when it is alive', () => {
  vi.stubEnv('PATH', '/nonexistent')
  onTestFinished(() => void vi.unstubAllEnvs())
  const lock = lockFile(file, 'x')
  expect(tryLockFile(file)).toEqual({ heldBy: process.pid })
  lock.release()
  writeFileSync(file, JSON.stringify({ pid: process.pid, startTime: -1 }))
  expect(tryLockFile(file)).toHaveProperty('release')
})
