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
async function planned(options: PlanOptions, model = MODEL, json = true) {
  const env = { AIM_HOME: home, HF_HOME: join(home, 'hf'), HF_ENDPOINT: 'http://127.0.0.1:9' }
  const { cli, out, err } = testCli({ env, flags: { json } })
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

describe('--render', () => {
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
    await expect(planned({ inventory, recipe: 'some/thing' })).rejects.toMatchObject({ code: 'InvalidInput', details: { field: 'recipe' } })
  })

  it('a file that is not there, an unknown model and a context that is too short are named', async () => {
    await expect(planned({ inventory: join(home, 'none.json') })).rejects.toMatchObject({
      code: 'InvalidInput',
      details: { field: '--inventory' },
    })
    await expect(planned({ inventory }, 'nobody/Nothing-1B')).rejects.toMatchObject({ code: 'HubUnreachable' })
    await expect(planned({ inventory, context: 5 })).rejects.toMatchObject({ details: { field: '--context' } })
  })
})
