import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { freePorts } from '../../src/config/free-ports.js'
import { NODE_UPDATES } from '../../src/contracts/node-owner.js'
import type { Kind } from '../../src/domain/fallback/kinds.js'
import { POLICIES, policyOf } from '../../src/domain/fallback/policies.js'
import type { Plan } from '../../src/domain/plan.js'
import { startLanes, type Later, type Harm, type Lane, type Lanes } from '../support/failure-lanes.js'
import type { Behaviour, FailureName } from '../support/test-engine/index.js'
import { canMountTmpfs, mountTmpfs } from '../support/tmpfs.js'
import type { VirtualNode } from '../support/virtual-nodes.js'
import { waitFor } from '../support/wait-for.js'

const GIB = 2 ** 30
const LANES = 3
const BUDGET = 5

let dir: string
let lanes: Lanes

beforeAll(async () => {
  dir = await realpath(await mkdtemp(join(tmpdir(), 'aim-classes-')))
  lanes = await startLanes(dir, LANES)
})
afterAll(async () => {
  await lanes.stop()
  vi.restoreAllMocks()
  await rm(dir, { recursive: true, force: true })
})

/**
 * A class that an engine ends as. `next`: what is tried once it cannot be the same again; `tries`: how many there are of the first choice's recipe
 * alone, when it fails wherever it runs, with `attempts` allowed.
 */
type Row = {
  next: Kind
  tries: number
  model?: 'any' | 'sglang' | 'pair'
  behaviour?: Behaviour
  attempts?: number
  quarantined?: string[]
}

const lines = (...said: string[]): Behaviour => ({ fail: { lines: said } })
const TOO_LONG = 'User-specified max_model_len (65536) is greater than the derived max_model_len (max_position_embeddings=4096'

const ENGINE: Record<string, Row> = {
  no_gpu: { next: 'other node', tries: 2 },
  kfd_permission: { next: 'other node', tries: 2 },
  bad_flag: { next: 'other recipe', tries: 1 },
  port_in_use: { next: 'other node', tries: 5 },
  program_missing: { next: 'other backend', tries: 2 },
  unsupported_fp8_gfx90a: { next: 'other precision', tries: 1 },
  unsupported_quant_gpu: { next: 'other precision', tries: 1 },
  // What meets the request goes before fp8.
  unsupported_quant_platform: { next: 'other backend', tries: 1 },
  unsupported_dtype: { next: 'other recipe', tries: 1 },
  unsupported_model_arch: { next: 'other backend', tries: 1 },
  unsupported_attention: { next: 'other recipe', tries: 1 },
  mla_block_size: { next: 'other recipe', tries: 1 },
  unsupported_gpu_arch: { next: 'other backend', tries: 1 },
  triton_shared_memory: { next: 'other recipe', tries: 1 },
  context_too_long: { next: 'shorter context', tries: 2, behaviour: lines(`ValidationError: ${TOO_LONG}`) },
  oom_startup_other_process: { next: 'other node', tries: 5 },
  oom_weights: { next: 'more GPUs', tries: 1 },
  oom_kv_len: { next: 'shorter context', tries: 2 },
  oom_kv_autofit: { next: 'more GPUs', tries: 1 },
  oom_no_kv: { next: 'more GPUs', tries: 1 },
  oom_graph_capture: {
    next: 'other recipe',
    tries: 1,
    model: 'sglang',
    behaviour: lines('Exception: Capture cuda graph failed: no memory'),
  },
  oom_runtime: { next: 'more GPUs', tries: 1 },
  oom_host: { next: 'other node', tries: 2 },
  gpu_fault: { next: 'other node', tries: 2, quarantined: ['0/0'] },
  collective_hang: { next: 'fewer GPUs', tries: 5, model: 'pair' },
  collective_hang_silent: { next: 'fewer GPUs', tries: 2, model: 'pair', attempts: 2 },
  forward_watchdog: { next: 'other recipe', tries: 5, model: 'sglang', behaviour: lines('Watchdog timeout (self.watchdog_timeout=300)') },
  startup_timeout: { next: 'other recipe', tries: 5 },
  missing_weights: { next: 'other weights', tries: 1 },
  missing_model: { next: 'other recipe', tries: 1 },
  killed: { next: 'other node', tries: 4 },
  terminated: { next: 'other node', tries: 4 },
  crashed: { next: 'other recipe', tries: 5 },
  unknown: { next: 'other recipe', tries: 5 },
  EngineStalled: { next: 'other recipe', tries: 2, attempts: 2, behaviour: { hangAtStart: true } },
  EngineNotAnswering: { next: 'other recipe', tries: 2, attempts: 2, behaviour: { answer: 'error' } },
}

/** What no engine says: it is caused between the plan and the try. */
type OwnRow = {
  next: Kind | 'the same again'
  request?: { model: string; port?: number }
  recipe?: string
  quarantined?: string[]
  /** Tries, and the end, when it happens everywhere. A node that is gone before it is leased counts no try. */
  everywhere: { tries: number | null; quarantined?: string[]; says?: string; code?: string }
  /** Does it on the first placement, or on the whole lane. Answers how to take it back. */
  cause(of: {
    lane: Lane
    endpoint: string
    everywhere: boolean
    later: Later
  }): Promise<{ harm?: Harm; port?: number; takeBack: () => Promise<unknown> }>
}

const first = ({ candidates: [best] }: Plan) => best ?? expect.unreachable('nothing was planned')
const nodeOf = ({ nodes }: Lane, id: string): VirtualNode => nodes.find(({ nodeId }) => nodeId === id) ?? nodes[0]
const ALL_GPUS = [0, 1, 2, 3, 4, 5, 6, 7]

/** Places of a lane that a harm is for: those of the first choice, or all. */
function placesOf(lane: Lane, plan: Plan, everywhere: boolean): { node: VirtualNode; gpus: number[] }[] {
  if (everywhere) return lane.nodes.map((node) => ({ node, gpus: ALL_GPUS }))
  const { node, gpus } = first(plan)
  return [{ node: nodeOf(lane, node), gpus }]
}

/** Plants memory that is held, by a process or by nobody. */
const planting =
  (foreign: boolean): OwnRow['cause'] =>
  async ({ lane, everywhere, later }) => {
    const child = foreign ? spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e9)'], { stdio: 'ignore' }) : null
    if (child !== null) {
      await once(child, 'spawn')
      later(() => child.kill('SIGKILL'))
    }
    return {
      harm: (plan, nth) => {
        if (nth > 1) return
        for (const { node, gpus } of placesOf(lane, plan, everywhere)) {
          for (const gpu of gpus) later(node.plant({ gpu, bytes: 60 * GIB, name: 'trainer', ...(child?.pid && { pid: child.pid }) }))
        }
      },
      // Not before all was seen: a GPU whose memory is free again comes out of quarantine.
      takeBack: async () => {},
    }
  }

/** Changes a node on disk before it is tried, once for each of them. */
const changing =
  (change: (node: VirtualNode) => Promise<() => unknown> | (() => unknown)): OwnRow['cause'] =>
  async ({ lane, everywhere }) => {
    const undo: (() => unknown)[] = []
    return {
      harm: async (plan, nth) => {
        if (nth > 1) return
        for (const { node } of placesOf(lane, plan, everywhere)) undo.push(await change(node))
      },
      takeBack: async () => {
        for (const back of undo) await back()
      },
    }
  }

const fencesOf = ({ settings, nodeId }: VirtualNode) => join(settings.home, 'nodes', `${nodeId}.fences.json`)

function replaced(file: string, put: () => void): () => void {
  mkdirSync(join(file, '..'), { recursive: true })
  const kept = `${file}.kept`
  let had = true
  try {
    renameSync(file, kept)
  } catch {
    had = false // there is none yet
  }
  put()
  return () => {
    rmSync(file, { recursive: true, force: true })
    if (had) renameSync(kept, file)
  }
}

/** The cache of a node on a small file system. */
function onDisk(options: 'full' | 'ro'): (node: VirtualNode) => () => void {
  return ({ settings }) => {
    const disk = mountTmpfs(1)
    if (disk === null) throw new Error('no file system could be mounted')
    if (options === 'ro') disk.remount('ro')
    const back = replaced(settings.hfHome, () => symlinkSync(disk.path, settings.hfHome))
    return () => {
      back()
      disk.unmount()
    }
  }
}

const OWN: Record<string, OwnRow> = {
  PortTaken: {
    next: 'other node',
    everywhere: { tries: 5, says: `${BUDGET} tries were allowed` },
    async cause({ lane, endpoint, everywhere }) {
      const [port = 0] = await freePorts(1)
      const server = createServer().listen(port, '127.0.0.1')
      await once(server, 'listening')
      const close = () => new Promise((resolve) => server.close(resolve))
      const isTried = () => lane.nodes.some((node) => existsSync(fencesOf(node)) && readFileSync(fencesOf(node), 'utf8').includes(endpoint))
      // Free again after the first try, and before the last.
      const free = async () => {
        await waitFor('the first try', isTried)
        setTimeout(() => void close(), 1_000)
      }
      return { port, harm: () => void (everywhere || free()), takeBack: close }
    },
  },
  GpuForeign: { next: 'other node', everywhere: { tries: 2 }, cause: planting(true) },
  GpuHeld: { next: 'other node', quarantined: ['0/0'], everywhere: { tries: 2, quarantined: ['0/0', '1/0'] }, cause: planting(false) },
  LeaseFenced: {
    next: 'other node',
    everywhere: { tries: 5, says: `${BUDGET} tries were allowed` },
    cause: changing((node) => {
      const fences = Object.fromEntries(ALL_GPUS.map((gpu) => [`gpu/${gpu}`, 2 ** 52]))
      return replaced(fencesOf(node), () => writeFileSync(fencesOf(node), JSON.stringify(fences)))
    }),
  },
  Internal: {
    next: 'other node',
    everywhere: { tries: 2 },
    cause: changing((node) => replaced(fencesOf(node), () => mkdirSync(fencesOf(node)))),
  },
  BackendMissing: {
    next: 'other backend',
    everywhere: { tries: 2 },
    cause: changing(async (node) => {
      const { vllmBin } = node.settings
      const restart = async (program: string | undefined) => {
        await node.stop()
        Object.assign(node.settings, { vllmBin: program })
        await node.start()
      }
      await restart(undefined)
      return () => restart(vllmBin)
    }),
  },
  InvalidInput: {
    next: 'other recipe',
    request: { model: 'wrong/bf16' },
    recipe: 'wrong/first',
    everywhere: { tries: 1, code: 'InvalidInput' },
    cause: async () => ({ takeBack: async () => {} }),
  },
  NodeLost: {
    next: 'other node',
    everywhere: { tries: null },
    cause: async ({ lane, everywhere }) => {
      const cut = new Set<VirtualNode>()
      return {
        harm: (plan, nth) => {
          if (nth > 1) return
          for (const { node } of placesOf(lane, plan, everywhere)) {
            cut.add(node)
            node.cut()
          }
        },
        takeBack: async () => {
          for (const node of cut) {
            node.mend()
            await waitFor(`${node.nodeId} to be back`, async () => (await lanes.viewOf(node.nodeId)).presence === 'ready')
          }
        },
      }
    },
  },
  ...(canMountTmpfs() && {
    DiskFull: {
      next: 'other node' as const,
      request: { model: 'full/bf16' },
      recipe: 'full/first',
      everywhere: { tries: 2 },
      cause: changing(onDisk('full')),
    },
    CacheUnwritable: {
      next: 'other node' as const,
      request: { model: 'ro/bf16' },
      recipe: 'ro/first',
      everywhere: { tries: 2 },
      cause: changing(onDisk('ro')),
    },
  }),
}

/** Rows of the table that are not caused here, and why. */
const ELSEWHERE: Record<string, string> = {
  gpu_fault_again: 'no failure of its own: `gpu_fault`, wherever it runs, ends with it',
  EngineExited: 'told by its class, which is `unknown` where the log says nothing',
  gone: 'somebody stopped it and took its record away: `killed` or `terminated` when its end is seen first',
  LeaseRefused: 'no try: it leads to a new plan, below',
  OtherNode: 'no flow ends with it: it is what commands say of an engine on another machine',
  NodeTaken: 'refuses the worker, not a try: test/workflow/manage-node.test.ts',
  NoneWarmed: 'the end of `warmCache`: test/workflow/warm-cache.test.ts',
  ...Object.fromEntries(
    ['ModelNotFound', 'RevisionNotFound', 'HubAuth', 'TooManyFiles', 'PickleRefused'].map((code) => [
      code,
      'met while the model is pinned, before there is a plan; for another precision it is a row of test/domain/fallback',
    ]),
  ),
  ...Object.fromEntries(
    ['HubRateLimited', 'HubUnreachable', 'HubProtocol', 'TransferStalled', 'DigestMismatch', 'NotHere'].map((code) => [
      code,
      'a download tries it again for minutes before it gives up: test/adapters/weights and test/e2e/faults.test.ts cause it',
    ]),
  ),
  ...(!canMountTmpfs() && Object.fromEntries(['DiskFull', 'CacheUnwritable'].map((code) => [code, 'no file system can be mounted here']))),
}

test('each row of the table is caused, or said to be elsewhere', () => {
  const known = [ENGINE, OWN, ELSEWHERE].flatMap((rows) => Object.keys(rows))
  expect(known.toSorted()).toEqual(Object.keys(POLICIES).toSorted())
})

/** All of them take minutes (`npm run test:classes`), else every tenth. */
function some<R>(rows: Record<string, R>): [string, R][] {
  return Object.entries(rows).filter((_, index) => process.env['AIM_ALL_CLASSES'] === '1' || index % 10 === 0)
}

describe.concurrent('a class of an engine', () => {
  test.each(some(ENGINE))(
    '%s: once, and the next candidate serves',
    async (name, { next, model = 'any', behaviour = { failAs: name as FailureName }, quarantined = [] }) => {
      await lanes.inLane(async (lane, endpoint) => {
        const { again = 0 } = policyOf(name)
        lanes.engine.next(behaviour, { served: endpoint }, 1 + again)
        const { result, error, steps } = await lanes.deploy(lane, endpoint, { model: `${model}/bf16` })
        expect(error).toBeNull()
        expect(result).toMatchObject({ outcome: 'deployed', attempts: 2 + again })
        const same = Array.from({ length: again }, () => ({ failure: name, kind: 'the same again' }))
        expect(steps).toEqual([{ failure: name, kind: 'first' }, ...same, { failure: null, kind: next }])
        return { quarantined }
      })
    },
    180_000,
  )

  test.each(some(ENGINE))(
    '%s: wherever it runs, and nothing is left',
    async (name, { tries, model = 'any', behaviour = { failAs: name as FailureName }, attempts = BUDGET, quarantined = [] }) => {
      await lanes.inLane(async (lane, endpoint) => {
        lanes.engine.next(behaviour, { served: endpoint })
        const fallback = { mode: 'meets', budget: { attempts } } as const
        const { error, steps } = await lanes.deploy(lane, endpoint, { model: `${model}/bf16`, recipe: `${model}/first`, fallback })
        expect(steps.map(({ failure }) => failure)).toEqual(Array.from({ length: tries }, () => name))
        expect(error).toMatchObject(endOf(name, tries, attempts))
        return { quarantined }
      })
    },
    180_000,
  )
})

/** One try ends with its own failure, more of them with all. A recipe that faults on GPUs of two nodes is at fault itself. */
function endOf(name: string, tries: number, attempts: number): object {
  if (tries === 1) return { code: 'EngineExited', details: { failure: name } }
  const end = tries === attempts ? `${attempts} tries were allowed` : policyOf(name === 'gpu_fault' ? 'gpu_fault_again' : name).end
  return { code: 'FallbackExhausted', message: expect.stringContaining(end) }
}

describe.concurrent('a code of our own', () => {
  test.each(some(OWN))(
    '%s: once, and the next candidate serves',
    async (name, { next, request, quarantined = [], cause }) => {
      await lanes.inLane(async (lane, endpoint, later) => {
        const { harm, port, takeBack } = await cause({ lane, endpoint, everywhere: false, later })
        try {
          const { error, steps } = await lanes.deploy(lane, endpoint, { ...request, harm, ...(port !== undefined && { port }) })
          expect(error).toBeNull()
          // A port is free again before it was tried often enough for another node.
          const isPort = name === 'PortTaken'
          expect(steps[0]).toEqual({ failure: name, kind: 'first' })
          expect(steps.at(-1)).toEqual({ failure: null, kind: isPort ? 'the same again' : next })
          expect(steps.length - 1).toBeLessThanOrEqual(isPort ? 2 : 1)
        } finally {
          await takeBack()
        }
        return { quarantined }
      })
    },
    180_000,
  )

  test.each(some(OWN))(
    '%s: everywhere, and nothing is left',
    async (name, { request, recipe = 'any/first', everywhere: { tries, quarantined = [], says = policyOf(name).end, code }, cause }) => {
      await lanes.inLane(async (lane, endpoint, later) => {
        const { harm, port, takeBack } = await cause({ lane, endpoint, everywhere: true, later })
        try {
          const fallback = { mode: 'meets', budget: { attempts: BUDGET } } as const
          const asked = { ...request, recipe, fallback, harm, ...(port !== undefined && { port }) }
          const { error, steps } = await lanes.deploy(lane, endpoint, asked)
          expect(steps.filter(({ failure }) => failure !== name)).toEqual([])
          expect(steps).toHaveLength(tries ?? steps.length)
          const unseen = tries === null ? /^(NoCandidate|NodeLost|FallbackExhausted)$/ : /^FallbackExhausted$/
          const isListed = tries !== null && code === undefined
          expect(error).toMatchObject({
            code: expect.stringMatching(code ?? unseen),
            message: expect.stringContaining(isListed ? says : ''),
          })
        } finally {
          await takeBack()
        }
        return { quarantined }
      })
    },
    180_000,
  )
})

describe.concurrent('no try at all', () => {
  test.each([
    ['on one GPU', { steps: [{ failure: null, kind: 'first' }], error: null }],
    ['everywhere', { steps: [], error: expect.objectContaining({ code: 'NoCandidate' }) }],
  ])(
    'a lease that is refused %s leads to a new plan',
    async (how, end) => {
      await lanes.inLane(async (lane, endpoint) => {
        const { runId } = await lanes.handle(lane.nodes[0].nodeId).describe()
        const owner = { workflowId: `node/${lane.nodes[0].nodeId}`, runId }
        const another = `${endpoint}-other`
        const harm: Harm = async (plan, nth) => {
          if (nth > 1) return
          for (const { node, gpus } of placesOf(lane, plan, how === 'everywhere')) {
            const claim = { endpoint: another, replica: 0, gpus, owner }
            await lanes.handle(node.nodeId).executeUpdate(NODE_UPDATES.lease, { args: [claim] })
          }
        }
        try {
          const { error, steps } = await lanes.deploy(lane, endpoint, { recipe: 'any/first', fallback: { mode: 'meets' }, harm })
          expect({ steps, error }).toEqual(end)
        } finally {
          for (const { nodeId } of lane.nodes)
            await lanes.handle(nodeId).executeUpdate(NODE_UPDATES.giveBack, { args: [{ endpoint: another }] })
        }
        return { quarantined: [] }
      })
    },
    180_000,
  )
})
