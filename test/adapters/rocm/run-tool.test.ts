import { expect, test } from 'vitest'
import { toolRunner } from '../../../src/adapters/rocm/index.js'
import { until } from '../../support/wait-for.js'

const node = process.execPath

test('what a tool prints counts whatever its exit code is', async () => {
  const program = 'console.log(JSON.stringify({ error: "no driver", code: -3 })); process.exitCode = 255'
  expect(await toolRunner(10_000)(node, ['-e', program])).toEqual({ stdout: '{"error":"no driver","code":-3}\n', exit: '255' })
})

test('a tool that is not installed is none', async () => {
  expect(await toolRunner(10_000)('no-such-tool-of-amd', [])).toBeNull()
})

test('a tool that hangs is killed with its children, also one that ignores the polite signal', async () => {
  const program = `
    process.on('SIGTERM', () => {})
    const child = require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'inherit' })
    require('node:fs').writeFileSync(process.env.PID_FILE, String(child.pid))
    setInterval(() => {}, 1000)`
  const { mkdtempSync, readFileSync, rmSync } = await import('node:fs')
  const { tmpdir } = await import('node:os')
  const { join } = await import('node:path')
  const folder = mkdtempSync(join(tmpdir(), 'aim-tool-'))
  try {
    const file = join(folder, 'pid')
    const result = await toolRunner(1500, { ...process.env, PID_FILE: file })(node, ['-e', program])
    expect(result).toEqual({ failure: 'took longer than 1.5 s and was killed' })
    const pid = Number(readFileSync(file, 'utf8'))
    await until(() => !alive(pid))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
