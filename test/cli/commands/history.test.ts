import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { diff } from '../../../src/cli/commands/diff.js'
import { explain } from '../../../src/cli/commands/explain.js'
import { history } from '../../../src/cli/commands/history.js'
import type { DeploymentHistory } from '../../../src/ports/records.js'
import { aPlan } from '../../support/plans.js'
import { candidate, deployed, testCli, type TestCli } from '../support.js'

const record = (change: Partial<DeploymentHistory>): DeploymentHistory => ({
  workflowId: 'deploy/smol',
  runId: 'run-1',
  kind: 'deploy',
  endpoint: 'smol',
  revision: 1,
  actor: 'ada@host',
  reason: null,
  request: { endpoint: 'smol', model: 'org/smol', ref: 'main' },
  state: 'deployed',
  startedAt: '2026-01-01T00:00:00.000Z',
  endedAt: '2026-01-01T00:00:03.000Z',
  error: null,
  result: deployed,
  plan: deployed.plan,
  attempts: [],
  ...change,
})

const longer = { ...candidate, context: 8192 }
const RECORDS = [
  record({ runId: 'run-4', revision: null, state: 'failed', error: { code: 'DiskFull', message: 'no room' }, result: null, plan: null }),
  record({ runId: 'run-3', revision: null, state: 'planned' }),
  record({
    runId: 'run-2',
    revision: 2,
    reason: 'longer prompts',
    result: { ...deployed, revision: 2 },
    plan: aPlan({ candidates: [longer] }),
  }),
  record({}),
]

let home: string
let server: Server
let served: DeploymentHistory[]
let test: (flags?: { json: boolean }) => TestCli

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'aim-history-'))
  served = RECORDS
  server = createServer((_request, response) => response.setHeader('content-type', 'application/json').end(JSON.stringify(served)))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  test = (flags) => testCli({ env: { AIM_HOME: home, AIM_API_PORT: String(port) }, flags: { time: 'iso', ...flags } })
})
afterEach(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  rmSync(home, { recursive: true, force: true })
})

describe('diff', () => {
  it('tells two revisions apart; without a number it is the newest', async () => {
    for (const pair of [
      ['smol@1', 'smol@2'],
      ['smol@1', 'smol'],
    ]) {
      const { cli, out } = test({ json: true })
      await cli.print(await diff(cli, pair))
      expect(JSON.parse(out())).toEqual([{ field: 'context', from: null, to: '8192' }])
    }
  })

  it('names the revisions that there are', async () => {
    await expect(diff(test().cli, ['smol@1', 'smol@7'])).rejects.toMatchObject({
      code: 'NotFound',
      details: { what: 'revision 7 of smol (there are: 1, 2)' },
    })
  })

  it.each(['smol@', 'smol@0', 'smol@x', 'smol@1@2', 'SMOL@1'])('%s is refused', async (revision) => {
    await expect(diff(test().cli, ['smol@1', revision])).rejects.toMatchObject({ code: 'InvalidInput' })
  })
})

describe('explain', () => {
  it('shows the plan that was stored with the revision, without planning anew', async () => {
    const { cli, out } = test({ json: true })
    await cli.print(await explain(cli, ['smol'], {}))
    expect(JSON.parse(out())).toMatchObject({ endpoint: 'smol', revision: 2, plan: { candidates: [{ context: 8192 }] } })
    const first = test({ json: true })
    await first.cli.print(await explain(first.cli, ['smol'], { revision: 1 }))
    expect(JSON.parse(first.out())).toMatchObject({ revision: 1, plan: deployed.plan })
  })

  it('takes a revision behind the name, as diff does, and not another one beside it', async () => {
    const { cli, out } = test({ json: true })
    await cli.print(await explain(cli, ['smol@1'], {}))
    expect(JSON.parse(out())).toMatchObject({ endpoint: 'smol', revision: 1 })
    await expect(explain(test().cli, ['smol@1'], { revision: 2 })).rejects.toMatchObject({
      code: 'InvalidInput',
      details: { field: '--revision' },
    })
  })

  it('tells why the last deploy failed, also where nothing was tried and nothing has ever served', async () => {
    const { cli, out } = test()
    await cli.print(await explain(cli, ['smol'], {}))
    expect(out()).toMatch(/last deploy +2026-01-01T00:00:00.000Z: failed: DiskFull: no room/)
    served = RECORDS.slice(0, 1)
    const never = test({ json: true })
    await never.cli.print(await explain(never.cli, ['smol'], {}))
    expect(JSON.parse(never.out())).toMatchObject({ revision: null, plan: null, failed: { code: 'DiskFull' } })
  })

  it('is not found where nothing was deployed', async () => {
    served = []
    await expect(explain(test().cli, ['smol'], {})).rejects.toMatchObject({ code: 'NotFound' })
  })
})

describe('history', () => {
  it('shows who, why, how it ended, and what changed against what served before', async () => {
    const { cli, out } = test()
    await cli.print(await history(cli, ['smol'], { limit: 20 }))
    const [, failed, second, first] = out().split('\n')
    expect(failed).toContain('failed: DiskFull')
    expect(second).toMatch(/^ +2 .*ada@host +deploy +context - -> 8192 +longer prompts +deployed +3.0 s$/)
    expect(first).toContain('first: org/smol')
    expect(out()).not.toContain('planned')
  })

  it('compares the oldest line that is shown with the one before it', async () => {
    const { cli, out } = test({ json: true })
    await cli.print(await history(cli, ['smol'], { limit: 2 }))
    const entries = JSON.parse(out()) as { change: string }[]
    expect(entries.map(({ change }) => change)).toEqual([expect.any(String), 'context - -> 8192'])
  })

  it('is not found where nothing was ever deployed', async () => {
    served = []
    await expect(history(test().cli, ['smol'], { limit: 20 })).rejects.toThrow('endpoint smol, now or in the history, does not exist')
  })

  it('says that the API is not running', async () => {
    const { cli } = testCli({ env: { AIM_HOME: home, AIM_API_PORT: '1024' } })
    await expect(history(cli, ['smol'], { limit: 20 })).rejects.toMatchObject({ code: 'NotRunning' })
  })
})
