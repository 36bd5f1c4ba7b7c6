import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { plan, type PlanOptions } from '../../../src/cli/commands/plan.js'
import type { Plan } from '../../../src/domain/plan.js'
import { testCli } from '../support.js'

const GIB = 2 ** 30
const MODEL = 'meta-llama/Llama-3.3-70B-Instruct'

let home: string
let inventory: string
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'aim-plan-'))
  inventory = file('node.json', nodeOf(8))
})
afterAll(() => rmSync(home, { recursive: true, force: true }))

/** As `aim node inspect --json` prints a node of eight whole, idle cards in one hive. */
function nodeOf(count: number, nodeId = 'gpu-1') {
  const gpus = Array.from({ length: count }, (_, index) => ({
    index,
    model: 'MI300X',
    arch: 'gfx942',
    vram_total_bytes: 192 * GIB,
    vram_free_bytes: 191 * GIB,
    partition: null,
    card: index,
    hive: 'a',
  }))
  return { node_id: nodeId, hostname: nodeId, memory_total_bytes: 2 ** 40, memory_free_bytes: 2 ** 39, gpus, problems: [] }
}

function file(name: string, content: unknown): string {
  const path = join(home, name)
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}

/** No hub answers on this port, so that the plan comes from the catalogue. */
async function planned(options: PlanOptions, model = MODEL, json = true, around: Parameters<typeof testCli>[0] = {}) {
  const env = { AIM_HOME: home, HF_HOME: join(home, 'hf'), HF_ENDPOINT: 'http://127.0.0.1:9', ...around.env }
  const { cli, out, err } = testCli({ ...around, env, flags: { json } })
  const report = await plan(cli, [model], options)
  await cli.print(report)
  return { exit: report.exit, out: out(), err: err() }
}
const parsed = async (options: PlanOptions, model?: string) => JSON.parse((await planned(options, model)).out) as Plan

describe('a plan for an inventory', () => {
  it('names GPUs, memory, speed and reasons, and the same input gives the same bytes', async () => {
    const first = await planned({ inventory })
    const { candidates, fallback, dropped } = JSON.parse(first.out) as Plan
    expect(candidates[0]).toMatchObject({ node: 'gpu-1', card: 'MI300X', precision: 'bf16', model: MODEL, changes: [] })
    expect(candidates[0]?.fit?.kvBytes).toBeGreaterThan(0)
    expect(candidates[0]?.prediction?.basis).toBe('predicted')
    expect(fallback.every(({ givesUp }) => givesUp.length > 0)).toBe(true)
    expect(dropped.every(({ reason }) => reason.length > 0)).toBe(true)
    expect((await planned({ inventory })).out).toBe(first.out)
  })

  it('does not depend on the order of nodes', async () => {
    const [a, b] = [nodeOf(8, 'gpu-1'), nodeOf(4, 'gpu-2')]
    const one = await planned({ inventory: file('ab.json', [a, b]) })
    expect((await planned({ inventory: file('ba.json', { nodes: [b, a] }) })).out).toBe(one.out)
  })

  it('keeps to what is allowed, and exits with 3 and reasons when nothing does', async () => {
    const only = await parsed({ inventory, precision: ['fp8'], backend: 'vllm', gpus: 2 })
    expect(only.candidates.length).toBeGreaterThan(0)
    expect(new Set(only.candidates.map(({ precision, backend, gpus }) => `${precision} ${backend} ${gpus.length}`))).toEqual(
      new Set(['fp8 vllm 2']),
    )
    const none = await planned({ inventory, hardware: ['MI355X'] })
    expect(none.exit).toBe(3)
    expect((JSON.parse(none.out) as Plan).dropped.length).toBeGreaterThan(0)
  })

  it('prices every candidate from the table of the user', async () => {
    const prices = file('prices.yaml', 'currency: USD\nperGpuHour: { MI300X: 2 }\n')
    const env = { AIM_HOME: home, HF_ENDPOINT: 'http://127.0.0.1:9', AIM_PRICES: prices }
    const { cli, out } = testCli({ env, flags: { json: true } })
    await cli.print(await plan(cli, [MODEL], { inventory, maxPrice: 4 }))
    const { candidates } = JSON.parse(out()) as Plan
    expect(new Set(candidates.map(({ gpus }) => gpus.length))).toEqual(new Set([1, 2]))
    for (const { cost, gpus } of candidates) expect(cost).toMatchObject({ currency: 'USD', perHour: 2 * gpus.length })
  })

  it('shows the chosen one, its memory as a picture, the fallbacks and why not the rest', async () => {
    const { out, err } = await planned({ inventory }, MODEL, false)
    expect(out).toMatch(/RECIPE.*SCORE.*WHY/)
    expect(out).toMatch(/memory of each[^]*\[#+[^]*KV cache/)
    expect(out).toMatch(/FALLBACK[^]*GIVES UP/)
    expect(out).toMatch(/WHY NOT/)
    expect(err).toContain('planned from the catalogue')
  })
})

describe('what is printed beside the plan', () => {
  it('says the deploy that makes the same choice, and that a server must run those nodes', async () => {
    const argv = [
      'plan',
      MODEL,
      '--inventory',
      inventory,
      '--precision',
      'fp8',
      '--json',
      '--gpus=2',
      '--label',
      'a=b c',
      '-o',
      'wide',
      '--render=k8s',
    ]
    const { err } = await planned({ inventory, precision: ['fp8'], gpus: 2 }, MODEL, false, { argv })
    expect(err).toContain(
      `next: aim deploy ${MODEL} --precision fp8 --gpus=2 --label 'a=b c' starts number 1 where a server runs those nodes`,
    )
  })

  it('tells the price of output tokens wherever there are prices, and only there', async () => {
    const prices = file('prices.yaml', 'currency: USD\nperGpuHour: { MI300X: 2 }\n')
    const priced = await planned({ inventory, backend: 'vllm' }, MODEL, false, { env: { AIM_PRICES: prices } })
    expect(priced.out).toMatch(/PRICE\/H +PRICE\/MTOK OUT/)
    expect(priced.out).toContain('PRICE/MTOK OUT: a million output tokens at full load')
    expect((await planned({ inventory }, MODEL, false)).out).not.toContain('PRICE/MTOK')
  })

  it.each([60, 80, 100, 140, 200])('has no table that is wider than a terminal of %i columns', async (columns) => {
    const { out } = await planned({ inventory, gpus: 2 }, MODEL, false, { columns, env: { NO_COLOR: '1' } })
    const tables = out.split('\n').filter((line) => !/^(?:memory of|\[|#+ weights|\d+ requests|.*assumed)/.test(line))
    expect(Math.max(...tables.map((line) => line.length))).toBeLessThanOrEqual(columns)
    expect(out).toMatch(/vllm-(?:latency|throughput)/)
  })

  it('keeps every column whole in a pipe, and does not say in WHY what they say', async () => {
    const { out } = await planned({ inventory }, MODEL, false)
    const [header = '', first = ''] = out.split('\n')
    expect(header.trim().split(/ {2,}/)).toEqual(
      '#|RECIPE|NODE|GPUS|PRECISION|BACKEND|KV|CONTEXT|REQUESTS|TOK/S|TTFT|PRICE/H|SCORE|WHY'.split('|'),
    )
    expect(first).not.toMatch(/tokens\/s|KV cache|…/)
  })

  it.each([
    [{ node: 'gpu-1', label: { zone: 'a' } }, 'AIM_NODE_LABELS=zone=a'],
    [{ hardware: ['MI355X'] }, '--inventory FILE'],
    [{ precision: ['mxfp4' as const] }, 'another --precision may do'],
  ])('names what helps when %j leaves nothing', async (options, hint) => {
    const { err, exit } = await planned({ inventory, ...options }, MODEL, false)
    expect(exit).toBe(3)
    expect(err).toContain(hint)
  })

  it('writes the GPUs of a candidate as ranges', async () => {
    expect((await planned({ inventory, gpus: 8 }, MODEL, false)).out).toMatch(/8x MI300X \(0-7\)/)
  })

  it('names the repository whose code must be allowed to run', async () => {
    const model = 'moonshotai/Kimi-K2-Instruct'
    const { err } = await planned({ inventory, backend: 'vllm' }, model, false)
    expect(err).toMatch(new RegExp(`AIM_ALLOW_REMOTE_CODE=\\S*${model}(?:,|\\n)`))
  })

  it('names who is in the way when GPUs are in use', async () => {
    const busy = nodeOf(2)
    const processes = [{ pid: 7, name: 'train', vram_bytes: 100 * GIB }]
    const gpus = busy.gpus.map((gpu) => ({ ...gpu, vram_free_bytes: 92 * GIB, processes }))
    const { err } = await planned({ inventory: file('busy.json', { ...busy, gpus }) }, MODEL, false)
    expect(err).toContain('GPUs of gpu-1 are in use by other processes: aim node inspect there names them')
  })

  it('says that a ref was not looked at', async () => {
    expect((await planned({ inventory, ref: 'v1' }, MODEL, false)).err).toContain('--ref v1 was not looked at')
    expect((await planned({ inventory }, MODEL, false)).err).not.toContain('not looked at')
  })

  it('reads an inventory from stdin', async () => {
    const { out } = await planned({ inventory: '-' }, MODEL, true, { stdin: JSON.stringify(nodeOf(8, 'piped')) })
    expect((JSON.parse(out) as Plan).candidates[0]?.node).toBe('piped')
  })

  it('takes cards in any case', async () => {
    const { candidates, requirements } = await parsed({ inventory, hardware: ['mi300x'] })
    expect(candidates[0]?.card).toBe('MI300X')
    expect(requirements.hardware).toEqual(['MI300X'])
  })
})

describe('--render', () => {
  it('takes the first choice that has such a form, and says why not number 1', async () => {
    const model = 'Qwen/Qwen3-32B'
    const { candidates } = await parsed({ inventory, hardware: ['MI300X'] }, model)
    expect(candidates[0]?.backend).toBe('sglang')
    const { out, err } = await planned({ inventory, render: 'docker' }, model, false)
    expect(out).toContain('vllm/vllm-openai-rocm')
    expect(err).toMatch(/number 1 \(\S+\) has no docker form: no image of sglang \S+ is published that we know; this is number \d/)
  })

  it('says what to do when no choice has such a form', async () => {
    const options = { inventory, render: 'k8s', backend: 'sglang', gpus: 2 } as const
    await expect(planned(options, 'Qwen/Qwen3-32B')).rejects.toMatchObject({
      code: 'InvalidInput',
      details: { field: '--render', rule: expect.stringMatching(/no image of sglang \S+ is published.*--backend vllm/) as string },
    })
  })

  it('without a choice gives a few reasons and what to do', async () => {
    const failure = planned({ inventory, render: 'docker', hardware: ['MI355X'] })
    await expect(failure).rejects.toMatchObject({
      code: 'NoCandidate',
      details: { next: expect.stringContaining('--inventory') as string },
    })
    const { details } = (await failure.catch((error: unknown) => error)) as { details: { reasons: string } }
    expect(details.reasons.length).toBeLessThan(2000)
    expect(details.reasons.split('; ').length).toBeLessThanOrEqual(9)
  })

  it('keeps with the text where its weights are expected, and that the commit is not known', async () => {
    const { out } = await planned({ inventory, render: 'compose', backend: 'vllm', gpus: 1 }, MODEL, false)
    expect(out).toMatch(
      new RegExp(`^# Weights of ${MODEL} are expected on gpu-1 in \\S+: aim deploy brings them, or there: hf download ${MODEL}`),
    )
    expect(out).toContain(`# COMMIT stands for the commit of ${MODEL}`)
  })

  it('pins a manifest to the node of the plan', async () => {
    const { out } = await planned({ inventory, render: 'k8s', backend: 'vllm', gpus: 1 }, MODEL, false)
    const [deployment] = parseAllDocuments(out)
    expect(deployment?.toJS()).toMatchObject({ spec: { template: { spec: { nodeSelector: { 'kubernetes.io/hostname': 'gpu-1' } } } } })
    expect(out).toContain('# Its recipe is for 1 x MI300X.')
  })

  it('takes the programs of this machine for a command, and says which it does not have', async () => {
    const bin = mkdtempSync(join(home, 'bin-'))
    const program = join(bin, 'vllm')
    writeFileSync(program, '')
    const options = { inventory, render: 'command', backend: 'vllm', gpus: 1 } as const
    const found = await planned(options, MODEL, false, { env: { AIM_VLLM_BIN: program } })
    expect(found.out).toContain(`${program} serve`)
    const bare = await planned(options, MODEL, false, { env: { AIM_VLLM_BIN: join(bin, 'none') } })
    expect(bare.out).toMatch(/^ {2}vllm serve/m)
    expect(bare.err).toContain('this machine has no vllm: its bare name stands for it')
  })

  it('prints the command of the first choice with its GPUs and flags', async () => {
    const { out } = await planned({ inventory, render: 'command', backend: 'vllm', gpus: 1 }, MODEL, false)
    expect(out).toMatch(/HIP_VISIBLE_DEVICES/)
    expect(out).toMatch(/vllm serve .*models--meta-llama--Llama-3\.3-70B-Instruct\/snapshots\/COMMIT/)
  })

  it('prints YAML that a parser takes', async () => {
    for (const render of ['compose', 'k8s'] as const) {
      const { out } = await planned({ inventory, render, backend: 'vllm', gpus: 1 }, MODEL, false)
      const documents = parseAllDocuments(out)
      expect(documents.length).toBeGreaterThan(0)
      for (const document of documents) expect('errors' in document ? document.errors : []).toEqual([])
    }
  })
})

describe('bad input', () => {
  it.each([
    ['{', '--inventory'],
    [{ nodes: [{ gpus: 'all' }] }, 'gpus'],
    [[], '--inventory'],
  ])('%j as inventory is refused with the field', async (content, field) => {
    await expect(planned({ inventory: file('bad.json', content) })).rejects.toMatchObject({
      code: 'InvalidInput',
      message: expect.stringContaining(field) as string,
    })
  })

  it('a card or a recipe that nobody knows is named with those that there are', async () => {
    await expect(planned({ inventory, hardware: ['MI300'] })).rejects.toMatchObject({
      code: 'InvalidInput',
      details: { field: 'hardware', rule: expect.stringMatching(/^MI300 is none of .*MI300X/) as string },
    })
    await expect(planned({ inventory, hardware: ['MI300'] })).rejects.toThrow('; the nearest is MI300A or MI300X')
    await expect(planned({ inventory, hardware: ['MI335X'] })).rejects.toThrow(/; the nearest is MI3[25]5X$/)
    await expect(planned({ inventory, recipe: 'mi300x-1-fp8-vllm-latncy' })).rejects.toMatchObject({
      code: 'InvalidInput',
      details: {
        field: 'recipe',
        rule: expect.stringMatching(/the nearest are \S+mi300x-1-fp8-vllm-latency, \S+, \S+; aim recipes list/) as string,
      },
    })
    const other = 'derived/Qwen/Qwen3-32B/mi300x-1-bf16-vllm-latency'
    await expect(planned({ inventory, recipe: other })).rejects.toThrow(`recipe ${other} is for Qwen/Qwen3-32B, not ${MODEL}`)
    await expect(planned({ inventory, node: 'nope' })).rejects.toThrow('node: there is no node nope; there is gpu-1')
  })

  it('a file that is not there, an unknown model and a context that is too short are named', async () => {
    await expect(planned({ inventory: join(home, 'none.json') })).rejects.toMatchObject({
      code: 'InvalidInput',
      details: { field: '--inventory', rule: `${join(home, 'none.json')} does not exist` },
    })
    await expect(planned({ inventory }, 'nobody/Nothing-1B')).rejects.toMatchObject({ code: 'HubUnreachable' })
    await expect(planned({ inventory, context: 5 })).rejects.toMatchObject({ details: { field: '--context' } })
  })
})
