import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loadSettings } from '../../src/config/load.js'
import {
  isAlive,
  processStartTime,
  readStackFile,
  removeStackFile,
  temporalOf,
  writeStackFile,
  type StackFile,
} from '../../src/config/stack-file.js'

let home: string
let file: string

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'aim-stack-'))
  file = join(home, 'sub', 'up.json')
})
afterEach(() => rmSync(home, { recursive: true, force: true }))

function stackOf(pid: number): StackFile {
  return {
    pid,
    startTime: processStartTime(pid) ?? -1,
    address: '127.0.0.1:7233',
    namespace: 'default',
    uiUrl: null,
    apiUrl: 'http://127.0.0.1:8700',
    hubUrl: 'https://hub.example',
  }
}

describe('stack file', () => {
  it('reads back what a running process wrote, and leaves nothing beside it', () => {
    const stack = stackOf(process.pid)
    writeStackFile(file, stack)
    expect(readStackFile(file)).toEqual(stack)
    expect(readdirSync(join(home, 'sub'))).toEqual(['up.json'])
  })

  it('is null when there is none', () => {
    expect(readStackFile(file)).toBeNull()
  })

  it('is null when the process has ended, also while nobody has reaped it', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
    await once(child, 'spawn')
    writeStackFile(file, stackOf(child.pid!))
    expect(readStackFile(file)?.pid).toBe(child.pid)
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(readStackFile(file)).toBeNull()
  })

  it('tells a process from a later one with the same pid', () => {
    writeStackFile(file, { ...stackOf(process.pid), startTime: 1 })
    expect(readStackFile(file)).toBeNull()
    expect(isAlive({ pid: process.pid, startTime: 1 })).toBe(false)
  })

  it("is removed by its owner and by nobody else's clean-up", () => {
    const stack = stackOf(process.pid)
    writeStackFile(file, stack)
    removeStackFile(file, { ...stack, startTime: stack.startTime + 1 })
    expect(readStackFile(file)).toEqual(stack)
    removeStackFile(file, stack)
    removeStackFile(file, stack)
    expect(readStackFile(file)).toBeNull()
  })

  it('names the file that is damaged', () => {
    const damaged = join(home, 'up.json')
    writeFileSync(damaged, '{"pid":')
    expect(() => readStackFile(damaged)).toThrow(damaged)
  })
})

describe('temporalOf', () => {
  it('prefers the setting to the running stack, and the stack to nothing', () => {
    const settings = loadSettings({ AIM_HOME: home }).settings
    expect(temporalOf(settings)).toBeNull()
    writeStackFile(join(home, 'up.json'), { ...stackOf(process.pid), address: '127.0.0.1:9999', namespace: 'other' })
    expect(temporalOf(settings)).toEqual({ address: '127.0.0.1:9999', namespace: 'other' })
    const external = loadSettings({ AIM_HOME: home, TEMPORAL_ADDRESS: 'temporal:7233' }).settings
    expect(temporalOf(external)).toEqual({ address: 'temporal:7233', namespace: 'default' })
  })
})
