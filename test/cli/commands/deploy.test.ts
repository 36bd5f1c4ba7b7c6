import { describe, expect, it } from 'vitest'
import type { AimClient } from '../../../src/client/types.js'
import { deploy, deployRequest } from '../../../src/cli/commands/deploy.js'
import { Interrupted } from '../../../src/cli/interrupt.js'
import type { DeployInput } from '../../../src/contracts/deploy.js'
import type { DeployResult } from '../../../src/contracts/endpoint.js'
import { specFingerprint } from '../../../src/domain/placement.js'
import { aPlan } from '../../support/plans.js'
import { candidate, deployed, handleOf, notFound, serving, statusOf, testCli } from '../support.js'

/** A client that answers a deploy with `result` and a dry run with the plan for it. */
function clientOf(result: Promise<DeployResult> = Promise.resolve(deployed), endpoint: AimClient['endpoint'] = notFound) {
  const asked: DeployInput[] = []
  const client: Partial<AimClient> = {
    endpoint,
    async deploy(request) {
      asked.push(request)
      return handleOf(request.dryRun ? Promise.resolve({ ...deployed, outcome: 'planned' as const, revision: null, url: null }) : result)
    },
  }
  return { client, asked }
}

const sameSpec = { ...serving, revision: { ...serving.revision!, specFingerprint: specFingerprint(candidate, deployed.model.commit) } }

describe('what was typed', () => {
  it.each([
    ['../../etc/passwd', {}, 'MODEL'],
    ['org/$(rm -rf)', {}, 'MODEL'],
    ['justaname', {}, 'MODEL'],
    ['org/name', { name: 'Not A Name' }, '--name'],
    ['org/name', { context: 5 }, '--context'],
    ['org/name', { port: 80 }, '--port'],
    ['org/name', { file: '../secret' }, '--file'],
    ['org/name', { ref: 'a..b' }, '--ref'],
    ['org/name', { recipe: '../x' }, '--recipe'],
  ])('%s %j is refused naming %s', (model, options, field) => {
    expect(() => deployRequest(model, options)).toThrow(
      expect.objectContaining({ code: 'InvalidInput', details: expect.objectContaining({ field }) as unknown }) as Error,
    )
  })

  it('takes its name from the model', () => {
    expect(deployRequest('org/Some.Model', {})).toMatchObject({ endpoint: 'some-model', ref: 'main', dryRun: false })
  })

  it('is refused before anything is connected', async () => {
    const { cli } = testCli()
    const unconnected = { ...cli, connect: () => Promise.reject(new Error('connected')) }
    await expect(deploy(unconnected, ['nonsense'], {})).rejects.toMatchObject({ code: 'InvalidInput' })
  })
})

describe('deploy', () => {
  it('prints the endpoint and the proof, and the next commands beside it', async () => {
    const { cli, out, err } = testCli(clientOf())
    await cli.print(await deploy(cli, ['org/smol'], {}))
    expect(out()).toContain('url       http://127.0.0.1:8100/v1\n')
    expect(out()).toContain('proof     4 tokens in 120 ms\n')
    expect(out()).toContain('took      3.0 s (warm 2.0 s, ready 910 ms)\n')
    expect(err()).toContain('next: aim chat smol "Hello"')
  })

  it('is refused for a port on which another endpoint of the node serves, before anything starts', async () => {
    const { client, asked } = clientOf()
    const spec = { ...serving.replica!.spec, port: 8_123 }
    const other = statusOf({ ...serving, endpoint: 'other', replica: { ...serving.replica!, spec } })
    const { cli } = testCli({ client: { ...client, nodes: async () => ['node-1'], endpoints: async () => [other] } })
    await expect(deploy(cli, ['org/smol'], { port: 8_123 })).rejects.toThrow('--port: 8123 on node-1 is that of endpoint other')
    expect(asked).toEqual([])
    await deploy(cli, ['org/smol'], { port: 8_124 })
    await deploy(cli, ['org/smol'], { port: 8_123, node: 'node-2' })
    await deploy(cli, ['org/other'], { port: 8_123, yes: true })
    expect(asked).toHaveLength(3)
  })

  it('is the whole result in JSON', async () => {
    const { cli, out } = testCli({ ...clientOf(), flags: { json: true } })
    await cli.print(await deploy(cli, ['org/smol'], {}))
    expect(JSON.parse(out())).toEqual(deployed)
  })

  it('says when nothing had to change', async () => {
    const { cli, err, out } = testCli(clientOf(Promise.resolve({ ...deployed, outcome: 'unchanged' })))
    await cli.print(await deploy(cli, ['org/smol'], {}))
    expect(out()).toContain('serving (unchanged)')
    expect(err()).toContain('unchanged: this is what the endpoint serves already')
  })

  it('returns at once with --detach', async () => {
    const { cli, out } = testCli({ ...clientOf(new Promise(() => {})), flags: { json: true } })
    await cli.print(await deploy(cli, ['org/smol'], { detach: true }))
    expect(JSON.parse(out())).toEqual({ endpoint: 'smol', workflowId: 'deploy/smol', runId: 'run-1', attached: false })
  })

  it('tells who leaves how to come back and how to cancel', async () => {
    const argv = ['deploy', 'org/smol', '--reason', 'a test']
    const { cli, interrupt } = testCli({ ...clientOf(new Promise(() => {})), argv })
    setTimeout(interrupt, 20)
    const error = await deploy(cli, ['org/smol'], {}).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(Interrupted)
    expect((error as Interrupted).notes.join('\n')).toMatch(
      /goes on[^]*aim status smol -w[^]*aim deploy org\/smol --reason 'a test'[^]*aim stop smol/,
    )
  })
})

describe('replacing what serves', () => {
  it('needs --yes where nobody can be asked, and shows what would change', async () => {
    const { client, asked } = clientOf(undefined, async () =>
      statusOf({ ...serving, revision: { ...serving.revision!, model: 'org/other' } }),
    )
    const { cli, err } = testCli({ client })
    await expect(deploy(cli, ['org/smol'], {})).rejects.toMatchObject({ code: 'ConfirmationNeeded' })
    expect(err()).toMatch(/model\s+org\/other\s+org\/smol/)
    expect(asked.map(({ dryRun }) => dryRun)).toEqual([true])
  })

  it('goes ahead with --yes, without a plan first', async () => {
    const { client, asked } = clientOf(undefined, async () => statusOf(serving))
    await deploy(testCli({ client }).cli, ['org/smol'], { yes: true })
    expect(asked.map(({ dryRun }) => dryRun)).toEqual([false])
  })

  it('needs no question for the very spec that serves', async () => {
    const { client, asked } = clientOf(undefined, async () => statusOf(sameSpec))
    await deploy(testCli({ client }).cli, ['org/smol'], {})
    expect(asked.map(({ dryRun }) => dryRun)).toEqual([true, false])
  })

  it('asks when the endpoint does not say what it serves', async () => {
    const { client, asked } = clientOf(undefined, async () => statusOf(null, 'query timed out'))
    await expect(deploy(testCli({ client }).cli, ['org/smol'], {})).rejects.toThrow('query timed out')
    expect(asked).toEqual([])
  })
})

describe('--dry-run', () => {
  it('shows the plan with the reasons, and exits with 3 when nothing fits', async () => {
    const dropped = [
      { recipe: 'a/vllm', nodes: ['node-1'], count: 1, reason: 'needs 1 GPU(s), the node has 0' },
      { recipe: 'b/vllm', nodes: ['node-1'], count: 1, reason: 'needs 1 GPU(s), the node has 0' },
    ]
    const planned: DeployResult = { ...deployed, outcome: 'planned', plan: aPlan({ candidates: [candidate], dropped }) }
    const client: Partial<AimClient> = { deploy: async () => handleOf(Promise.resolve(planned)) }
    const fits = testCli({ client })
    const report = await deploy(fits.cli, ['org/smol'], { dryRun: true })
    await fits.cli.print(report)
    expect(report.exit).toBe(0)
    expect(fits.out()).toMatch(/1 {2}any\/llamacpp-cpu[^]*needs 1 GPU\(s\), the node has 0 {2}a\/vllm and 1 more +1\n/)

    const none: Partial<AimClient> = { deploy: async () => handleOf(Promise.resolve({ ...planned, plan: aPlan({ dropped }) })) }
    expect((await deploy(testCli({ client: none }).cli, ['org/smol'], { dryRun: true })).exit).toBe(3)
  })
})
