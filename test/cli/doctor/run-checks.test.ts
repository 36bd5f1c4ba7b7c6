import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CHECKS, doctor } from '../../../src/cli/commands/doctor.js'
import type { Check, CheckContext } from '../../../src/cli/doctor/check.js'
import { ok } from '../../../src/cli/doctor/check.js'
import { engineChecks, platformChecks } from '../../../src/cli/doctor/platform.js'
import { runChecks } from '../../../src/cli/doctor/run-checks.js'
import { AimError } from '../../../src/contracts/errors.js'
import type { NodeInspection } from '../../../src/domain/node.js'
import { aGpu } from '../../support/gpus.js'
import { testCli } from '../support.js'

const inspection: NodeInspection = {
  nodeId: 'node-1',
  hostname: 'host',
  cpus: 4,
  memoryTotalBytes: 8e9,
  memoryFreeBytes: 4e9,
  cacheDisk: { path: '/cache', totalBytes: 100e9, freeBytes: 50e9 },
  gpus: [],
  rocm: { driver: null, rocm: null },
  labels: {},
  cachedModels: [],
  problems: [],
  peerUrl: null,
  backends: [
    { backend: 'llamacpp', ready: true, version: '1.2.3' },
    { backend: 'vllm', ready: false, reason: 'not installed', fix: 'install it' },
  ],
}
const looking = (change: Partial<NodeInspection>): CheckContext =>
  ({ inspection: async () => ({ ...inspection, ...change }) }) as unknown as CheckContext
const check = async (code: string, change: Partial<NodeInspection> = {}) => {
  const found = [...platformChecks, ...engineChecks].find((each) => each.code === code)!
  return found.run(looking(change))
}

describe('runChecks', () => {
  it('answers in the order of the checks, and lets one that throws or hangs fail alone', async () => {
    const checks: Check[] = [
      { code: 'a.slow', run: () => new Promise((resolve) => setTimeout(() => resolve(ok('slow')), 50)) },
      { code: 'a.throws', run: () => Promise.reject(new AimError('TemporalUnreachable', { address: 'x:1' })) },
      { code: 'a.hangs', run: () => new Promise(() => {}) },
      { code: 'a.fast', run: async () => ok('fast') },
    ]
    const findings = await runChecks(checks, looking({}), 500)
    expect(findings.map((finding) => [finding.check, finding.result])).toEqual([
      ['a.slow', 'ok'],
      ['a.throws', 'fail'],
      ['a.hangs', 'fail'],
      ['a.fast', 'ok'],
    ])
    expect(findings[1]).toMatchObject({ evidence: 'Temporal does not answer at x:1', fix: 'run `aim up`' })
  })

  it('runs no more than a few at once', async () => {
    let running = 0
    let most = 0
    const busy: Check = {
      code: 'a.busy',
      async run() {
        most = Math.max(most, ++running)
        await new Promise((resolve) => setTimeout(resolve, 5))
        running--
        return ok('')
      },
    }
    await runChecks(
      Array.from({ length: 20 }, () => busy),
      looking({}),
    )
    expect(most).toBe(4)
  })
})

describe('checks', () => {
  it('have codes of their own', () => {
    const codes = CHECKS.map(({ code }) => code)
    expect(new Set(codes).size).toBe(codes.length)
  })

  it.each([
    [1e9, 'fail'],
    [10e9, 'warn'],
    [50e9, 'ok'],
  ])('%d bytes free: %s', async (freeBytes, result) => {
    expect((await check('disk.cache', { cacheDisk: { ...inspection.cacheDisk, freeBytes } })).result).toBe(result)
  })

  it('warn about a missing engine, and fail when there is none at all', async () => {
    expect(await check('engine.vllm')).toEqual({ result: 'warn', evidence: 'not installed', fix: 'install it' })
    const none = inspection.backends.slice(1)
    expect((await check('engine.vllm', { backends: none })).result).toBe('fail')
  })

  it('name the GPUs, and doubt a list that may be incomplete', async () => {
    const gpus = [aGpu({ vramTotalBytes: 192e9, vramFreeBytes: null })]
    expect(await check('gpu.driver', { gpus })).toMatchObject({ result: 'ok', evidence: '0: MI300X 192 GB' })
    const problems = [{ code: 'x', message: 'card1 cannot be read' }]
    expect(await check('gpu.driver', { gpus, problems })).toMatchObject({
      result: 'warn',
      evidence: expect.stringContaining('card1 cannot be read') as unknown,
    })
  })
})

describe('doctor', () => {
  let home: string
  let holder: Server
  beforeEach(async () => {
    home = mkdtempSync(join(tmpdir(), 'aim-doctor-'))
    holder = createServer()
    await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve))
  })
  afterEach(async () => {
    await new Promise((resolve) => holder.close(resolve))
    rmSync(home, { recursive: true, force: true })
  })

  it('runs one section, exits with 1 for a failure, and says what to do', async () => {
    const { port } = holder.address() as { port: number }
    const { cli, out, err } = testCli({ env: { AIM_HOME: home, AIM_UI_PORT: String(port) }, flags: { json: true } })
    const report = await doctor(cli, [], { only: 'ports.ui' })
    await cli.print(report)
    expect(JSON.parse(out())).toEqual([
      { check: 'ports.ui', result: 'fail', evidence: `${port} is taken`, fix: expect.stringContaining('AIM_UI_PORT') as unknown },
    ])
    expect(report.exit).toBe(1)
    expect(err()).toContain('0 ok, 0 warn, 1 fail, 0 skipped')
  })

  it('never shows a secret', async () => {
    const env = { AIM_HOME: home, HF_TOKEN: 'hf_secret', DATABASE_URL: `postgres://user:hunter2@127.0.0.1:1/db`, PGPASSWORD: 'hunter3' }
    const { cli, out } = testCli({ env, flags: { json: true } })
    await cli.print(await doctor(cli, [], { only: 'database' }))
    await cli.print(await doctor(cli, [], { only: 'hub.token' }))
    expect(out()).toContain('127.0.0.1:1/db')
    expect(out()).toContain('env:HF_TOKEN is ')
    expect(out()).not.toMatch(/hunter|hf_secret/)
  })

  it('does not know a section that is not there', async () => {
    await expect(doctor(testCli({ env: { AIM_HOME: home } }).cli, [], { only: 'nonsense' })).rejects.toMatchObject({
      code: 'InvalidInput',
      details: { field: '--only' },
    })
  })
})
