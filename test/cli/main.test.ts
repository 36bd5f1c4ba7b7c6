import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { requireCompiledFile } from '../../src/adapters/compiled.js'
import { COMMANDS } from '../../src/cli/commands/index.js'
import { EXIT_CODES } from '../../src/cli/exit-codes.js'

let home: string
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'aim-cli-'))
})
afterAll(() => rmSync(home, { recursive: true, force: true }))

/** The built program as a person runs it. */
async function aim(...argv: string[]): Promise<{ code: number | null; out: string; err: string }> {
  const env = { PATH: process.env['PATH'], HOME: home, AIM_HOME: join(home, 'aim') }
  const child = spawn(process.execPath, [requireCompiledFile('cli/main.js'), ...argv], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit') as Promise<[number | null]>])
  return { code, out, err }
}

describe('usage', () => {
  it.each([
    [['deply'], "unknown command 'deply'", 'Did you mean deploy?'],
    [['deploy'], "missing required argument 'model'", 'aim deploy --help'],
    [['deploy', 'a/b', '--nam', 'x'], "unknown option '--nam'", 'Did you mean --name?'],
    [['deploy', 'a/b', 'c/d'], 'too many arguments', 'aim deploy --help'],
    [['deploy', 'a/b', '--context', 'many'], "'many' is invalid", 'aim deploy --help'],
    [['deploy', 'a/b', '--timeout', '0s'], 'It must be longer than nothing', 'aim deploy --help'],
    [['deploy', 'a/b', '--timeout', 'soon'], "'soon' is invalid", 'aim deploy --help'],
    [['deploy', 'a/b', '--backend', 'tgi'], 'Allowed choices are llamacpp, vllm', 'aim deploy --help'],
    [['status', '-o', 'xml'], "'xml' is invalid", 'aim --help'],
    [['deploy', '../../etc'], 'MODEL: must be', 'fix:'],
  ])('%j exits with 2 and says what is wrong', async (argv, what, next) => {
    const { code, out, err } = await aim(...argv)
    expect(err).toContain('error[InvalidInput]')
    expect(err).toContain(what)
    expect(err).toContain(next)
    expect(out).toBe('')
    expect(code).toBe(2)
  })

  it('errors are JSON where JSON was asked for', async () => {
    const { code, out, err } = await aim('deploy', 'a/b', '--json', '--nam', 'x')
    expect(JSON.parse(err)).toMatchObject({ error: { code: 'InvalidInput', fix: 'aim deploy --help' } })
    expect([code, out]).toEqual([2, ''])
  })

  it('without a verb it shows the help, on stderr', async () => {
    const { code, out, err } = await aim()
    expect([code, out]).toEqual([2, ''])
    expect(err).toContain('Usage: aim')
  })
})

describe('without a stack', () => {
  it.each([['status'], ['ps'], ['deploy', 'a/b'], ['stop', 'x'], ['chat', 'x', 'hi']])(
    'aim %s %s %s says to run aim up',
    async (...argv) => {
      const { code, err } = await aim(...argv.filter((word) => word !== undefined))
      expect(err).toBe('error[NotRunning]: AIM Engine is not running\nfix: run `aim up`\n')
      expect(code).toBe(1)
    },
  )

  it('status in JSON keeps stdout for data', async () => {
    const { out, err } = await aim('status', '-o', 'json')
    expect(out).toBe('')
    expect(JSON.parse(err)).toMatchObject({ error: { code: 'NotRunning' } })
  })

  it('down is content that there is nothing to stop', async () => {
    const { code, out } = await aim('down', '--json')
    expect(JSON.parse(out)).toMatchObject({ outcome: 'absent', enginesLeft: [] })
    expect(code).toBe(0)
  })

  it('config view names every setting, and where each comes from', async () => {
    const { out } = await aim('config', 'view', '--origin', '-o', 'json', '--home', home)
    expect(JSON.parse(out)).toEqual(
      expect.arrayContaining([expect.objectContaining({ name: 'home', value: home, origin: 'flag' })]) as unknown,
    )
  })

  it('recipes list names the recipes that ship', async () => {
    const { code, out } = await aim('recipes', 'list', '-q')
    expect(code).toBe(0)
    expect(out.trim().split('\n').length).toBeGreaterThan(0)
  })
})

describe('help', () => {
  it.each(COMMANDS.map(({ name }) => name))('aim %s --help has an example', async (name) => {
    const { code, out } = await aim(...name.split(' '), '--help')
    expect(out).toMatch(/Usage: aim[^]*Examples:\n {2}\S/)
    expect(code).toBe(0)
  })

  it('explains every exit code', async () => {
    const { out } = await aim('help', 'exit-codes')
    for (const code of Object.keys(EXIT_CODES)) expect(out).toMatch(new RegExp(`^ +${code} `, 'm'))
  })

  it('prints the version', async () => {
    expect((await aim('--version')).out).toMatch(/^\d+\.\d+\.\d+\n$/)
  })

  it('goes for topics and commands, and knows when there is neither', async () => {
    expect((await aim('help', 'recipes', 'list')).out).toContain('Usage: aim recipes list')
    expect((await aim('help', 'environment')).out).toContain('AIM_HOME')
    expect((await aim('help', 'nonsense')).code).toBe(5)
  })
})

it('hub serve says where it listens, and ends well on Ctrl-C', async () => {
  const env = { PATH: process.env['PATH'], AIM_HOME: join(home, 'aim') }
  const argv = [requireCompiledFile('cli/main.js'), 'hub', 'serve', home, '--port', '0', '-o', 'jsonl']
  const child = spawn(process.execPath, argv, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = once(child, 'exit') as Promise<[number | null]>
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  const { url } = JSON.parse(line.toString()) as { url: string }
  expect((await fetch(`${url}/api/models/org/absent`)).status).toBe(404)
  child.kill('SIGINT')
  expect(await ended).toEqual([0, null])
})

it('ends quietly when its reader has gone', async () => {
  const env = { PATH: process.env['PATH'], AIM_HOME: join(home, 'aim') }
  const child = spawn(process.execPath, [requireCompiledFile('cli/main.js'), 'help', 'environment'], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  child.stdout.destroy()
  const [err, [code]] = await Promise.all([text(child.stderr), once(child, 'exit') as Promise<[number]>])
  expect([err, code]).toEqual(['', 0])
})
