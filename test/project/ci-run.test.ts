import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { waitFor } from '../support/wait-for.js'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'

type Counts = { passed: number; failed: number; skipped: number }

let root: string

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'aim-ci-run-'))
  await cp('.ci', join(root, '.ci'), { recursive: true })
})

afterEach(() => rm(root, { recursive: true, force: true }))

describe('.ci/run', { timeout: 120_000 }, () => {
  test('adds up both runs on its last line', async () => {
    await project({ tests: report({ passed: 3, failed: 0, skipped: 1 }), engines: report({ passed: 2, failed: 0, skipped: 0 }) })
    const { code, output } = await run()
    expect(lastLine(output)).toBe('5 passed, 0 failed, 1 skipped')
    expect(code).toBe(0)
  })

  test('counts the run under faults of a project that has one', async () => {
    const passed = report({ passed: 1, failed: 0, skipped: 0 })
    const chaos = `${report({ passed: 9, failed: 1, skipped: 0 })}; console.log('argv: ' + process.argv.slice(2).join(' ')); process.exitCode = 1`
    await project({ tests: passed, engines: passed, chaos })
    const { code, output } = await run()
    expect(output).toContain('argv: --runs 10 --seed 1')
    expect(lastLine(output)).toBe('11 passed, 1 failed')
    expect(code).toBe(1)
  })

  test('obtains the tools beside the tests, waits for them at the end, and fails by no tool that is missing', async () => {
    // Each side ends only when the other has begun: one after the other they would wait until the limit of the test.
    const meet = (mine: string, other: string): string => `
      const { existsSync, writeFileSync } = require('node:fs')
      writeFileSync('${mine}', '')
      while (!existsSync('${other}')) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20)
    `
    const passed = report({ passed: 1, failed: 0, skipped: 0 })
    const tools = `${meet('tools-began', 'tests-began')}; setTimeout(() => { console.log('a-tool: not to be had'); process.exitCode = 1 }, 3_000)`
    await project({ tests: `${meet('tests-began', 'tools-began')};${passed}`, engines: passed, tools })
    const { code, output } = await run()
    expect(output).toContain('a-tool: not to be had')
    expect(lastLine(output)).toBe('2 passed, 0 failed')
    expect(code).toBe(0)
  })

  test.each([
    ['ended', 'SIGTERM', false],
    ['interrupted at the terminal, which tells the whole group', 'SIGINT', true],
  ] as const)('ends what it runs when it is %s', async (_, signal, group) => {
    const stay = (name: string): string => `
      require('node:fs').writeFileSync('${name}.part', String(process.pid))
      require('node:fs').renameSync('${name}.part', '${name}.pid')
      setInterval(() => {}, 1_000)`
    await project({ tests: stay('tests'), engines: '', tools: stay('tools') })
    const ci = spawn(join(root, '.ci/run'), { stdio: 'ignore', detached: true })
    onTestFinished(() => {
      if (!ended(ci)) process.kill(-ci.pid!, 'SIGTERM')
    })
    const pidOf = (name: string): Promise<number> =>
      waitFor(name, () => readFile(join(root, `${name}.pid`), 'utf8').then(Number, () => false), 60_000)
    const pids = await Promise.all(['tests', 'tools'].map(pidOf))
    process.kill(group ? -ci.pid! : ci.pid!, signal)
    await once(ci, 'close')
    for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow('ESRCH')
  })

  test('fails when a test failed, and still runs the rest', async () => {
    await project({
      tests: `${report({ passed: 3, failed: 1, skipped: 0 })}; process.exitCode = 1`,
      engines: report({ passed: 2, failed: 0, skipped: 0 }),
    })
    const { code, output } = await run()
    expect(lastLine(output)).toBe('5 passed, 1 failed')
    expect(code).toBe(1)
  })

  test('fails when a check failed before any test, and when no test ran', async () => {
    await project({ tests: 'process.exitCode = 1', engines: report({ passed: 0, failed: 0, skipped: 0 }) })
    const { code, output } = await run()
    expect(output).toContain('failed: tests ran no tests')
    expect(output).toContain('failed: engines ran no tests')
    expect(lastLine(output)).toBe('0 passed, 2 failed')
    expect(code).toBe(1)
  })

  test('names and ends a process that was left, though it dropped our variables', async () => {
    const leave = `
      const { spawn } = require('node:child_process')
      const env = { PATH: process.env.PATH, TMPDIR: process.env.TMPDIR }
      const child = spawn('sleep', ['987'], { detached: true, stdio: 'ignore', env })
      child.unref()
      console.log('pid of the engine: ' + child.pid)`
    await project({
      tests: `${report({ passed: 1, failed: 0, skipped: 0 })};${leave}`,
      engines: report({ passed: 1, failed: 0, skipped: 0 }),
    })
    const { code, output } = await run()
    const pid = Number(/pid of the engine: (\d+)/.exec(output)?.[1])
    expect(output).toContain(`left behind: process ${pid}: sleep 987`)
    expect(lastLine(output)).toBe('2 passed, 1 failed')
    expect(code).toBe(1)
    expect(() => process.kill(pid, 0)).toThrow('ESRCH')
  })

  test('fails when a file of ours was left in the folder for temporary files', async () => {
    const leave = `require('node:fs').mkdtempSync(require('node:os').tmpdir() + '/aim-forgotten-')`
    await project({
      tests: `${report({ passed: 1, failed: 0, skipped: 0 })};${leave}`,
      engines: report({ passed: 1, failed: 0, skipped: 0 }),
    })
    const { code, output } = await run()
    expect(output).toMatch(/left behind: .*aim-forgotten-/)
    expect(code).toBe(1)
  })
})

/** A project whose test commands run these pieces of JavaScript. `REPORT` is the folder that results go to. */
async function project(scripts: { tests: string; engines: string; chaos?: string; tools?: string }): Promise<void> {
  const name = 'pretended'
  const commands = {
    test: 'node tests.cjs',
    'test:engines': 'node engines.cjs',
    ...(scripts.chaos !== undefined && { 'test:chaos': 'node chaos.cjs' }),
    ...(scripts.tools !== undefined && { tools: 'node tools.cjs' }),
  }
  await writeFile(join(root, 'package.json'), JSON.stringify({ name, version: '1.0.0', scripts: commands }))
  await writeFile(
    join(root, 'package-lock.json'),
    JSON.stringify({ name, version: '1.0.0', lockfileVersion: 3, packages: { '': { name, version: '1.0.0' } } }),
  )
  for (const [phase, script] of Object.entries(scripts)) await writeFile(join(root, `${phase}.cjs`), script.replace('NAME', phase))
}

function ended({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null
}

/** Writes what vitest's JSON reporter writes. */
function report({ passed, failed, skipped }: Counts): string {
  const result = { numPassedTests: passed, numFailedTests: failed, numPendingTests: skipped, numTodoTests: 0, testResults: [] }
  return `require('node:fs').writeFileSync(process.env.AIM_TEST_REPORT + '/NAME.json', ${JSON.stringify(JSON.stringify(result))})`
}

function run(change: NodeJS.ProcessEnv = {}): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    execFile(join(root, '.ci/run'), { timeout: 100_000, env: { ...process.env, ...change } }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), output: stdout + stderr })
    })
  })
}

function lastLine(output: string): string {
  return output.trimEnd().split('\n').at(-1) ?? ''
}
