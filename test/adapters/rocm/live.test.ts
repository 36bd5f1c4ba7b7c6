import { execFile } from 'node:child_process'
import { chmod } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { compiledFile } from '../../../src/adapters/compiled.js'
import { inspectGpus } from '../../../src/adapters/rocm/index.js'
import { gfxName } from '../../../src/adapters/rocm/kfd.js'
import type { RunTool } from '../../../src/adapters/rocm/run-tool.js'
import { createRoot, kfd } from '../probe/support.js'
import { CARDS } from './cards.js'
import { amdSmiFiles, machineOf } from './machine.js'

const GiB = 1024 ** 3
const look = (root: string, run: RunTool | null = null) => inspectGpus({ root, cards: CARDS, run })
const MI300X = { version: 90_402, device: 0x74a1, gib: 192 }

describe('GPUs by the compute driver', () => {
  test('each has an index, an instruction set, a name and its memory', async () => {
    await using machine = await createRoot({
      ...kfd([MI300X, MI300X]),
      'sys/class/drm/renderD129/device/mem_info_vram_used': `${2 * GiB}\n`,
    })
    expect(await look(machine.root)).toMatchObject({
      gpus: [
        { index: 0, arch: 'gfx942', model: 'MI300X', vramTotalBytes: 192 * GiB, vramFreeBytes: null, card: 0, bdf: '0000:05:00.0' },
        {
          index: 1,
          arch: 'gfx942',
          model: 'MI300X',
          vramTotalBytes: 192 * GiB,
          vramFreeBytes: 190 * GiB,
          card: 1,
          hive: '8964439f8f05a93a',
        },
      ],
      problems: [],
    })
  })

  test('come in the order of their nodes, ten after nine', async () => {
    await using machine = await createRoot(kfd(Array.from({ length: 12 }, (_, n) => ({ version: 120_001, device: 0x7777, gib: 100 + n }))))
    const { gpus } = await look(machine.root)
    expect(gpus.map(({ index, vramTotalBytes }) => [index, vramTotalBytes / GiB])).toEqual(gpus.map((_, n) => [n, 100 + n]))
    expect(gpus).toHaveLength(12)
  })

  test('an integrated one is left out and keeps its number, as HIP counts it', async () => {
    await using machine = await createRoot(
      kfd([
        { version: 100_306, device: 0x164e, gib: 0.0625, simds: 4 },
        { version: 110_000, device: 0x744c, gib: 24 },
      ]),
    )
    expect(await look(machine.root)).toMatchObject({ gpus: [{ index: 1, arch: 'gfx1100', vramTotalBytes: 24 * GiB }], problems: [] })
  })

  test('CPUs and cards of others are no GPUs of ours', async () => {
    await using machine = await createRoot(
      kfd([
        { ...MI300X, vendor: 4318 },
        { device: 0, simds: 0, vendor: 0, cpus: 96 },
      ]),
    )
    expect(await look(machine.root)).toMatchObject({
      gpus: [],
      problems: [{ code: 'kfd_node', message: expect.stringContaining('another vendor') }, { code: 'no_source' }],
    })
  })

  test('an old driver that shows no instruction set is known by its device', async () => {
    await using machine = await createRoot(kfd([{ device: 0x740f, gib: 64 }]))
    expect((await look(machine.root)).gpus).toMatchObject([{ arch: 'gfx90a', model: 'MI210' }])
  })

  test('a device that we do not know has no name, and its instruction set all the same', async () => {
    await using machine = await createRoot(kfd([{ version: 120_001, device: 0x7777, gib: 16 }]))
    expect((await look(machine.root)).gpus).toMatchObject([{ arch: 'gfx1201', model: null }])
  })

  test('memory comes from the graphics driver where KFD shows none; where nobody shows it, the table does and that is said', async () => {
    await using machine = await createRoot({
      ...kfd([
        { ...MI300X, gib: null },
        { ...MI300X, gib: null },
      ]),
      'sys/class/drm/renderD128/device/mem_info_vram_total': `${192 * GiB}\n`,
    })
    const { gpus, problems } = await look(machine.root)
    expect(gpus).toMatchObject([
      { index: 0, vramTotalBytes: 192 * GiB },
      { index: 1, vramTotalBytes: 192 * GiB, vramFreeBytes: null },
    ])
    expect(problems).toMatchObject([{ code: 'vram_from_table', message: expect.stringContaining('GPU 1:') }])
  })

  test('only memory on the card counts', async () => {
    const files = kfd([MI300X])
    const bank = 'sys/class/kfd/kfd/topology/nodes/1/mem_banks/1/properties'
    await using machine = await createRoot({ ...files, [bank]: `heap_type 0\nsize_in_bytes ${512 * GiB}\n` })
    expect((await look(machine.root)).gpus).toMatchObject([{ vramTotalBytes: 192 * GiB }])
  })

  test('no driver is no GPU and no problem', async () => {
    await using machine = await createRoot()
    expect(await look(machine.root)).toEqual({ gpus: [], rocm: { driver: null, rocm: null }, problems: [] })
  })

  test('a driver without its topology is a problem', async () => {
    await using machine = await createRoot({ 'dev/kfd': '' })
    expect(await look(machine.root)).toMatchObject({ gpus: [], problems: [{ code: 'kfd_topology' }] })
  })

  test('a driver that we may not open is a problem with its remedy', async () => {
    await using machine = await createRoot(kfd([MI300X]))
    await chmod(machine.root, 0o755)
    await chmod(join(machine.root, 'dev/kfd'), 0o000)
    const found = await lookUnprivileged(machine.root)
    expect(found).toMatchObject({ gpus: [], problems: [{ code: 'kfd_permission', message: expect.stringContaining('`render`') }] })
  })
})

describe("AMD's tools beside it", () => {
  const files = amdSmiFiles(
    machineOf({ device: 0x74a1, version: 90_402, name: 'AMD Instinct MI300X', mib: 196_592, xccs: 8 }, 1, {
      mode: 'SPX',
      memory: 'NPS1',
      parts: 1,
    }),
  )
  const machineFiles = kfd([{ ...MI300X, gib: 191.984375 }])

  test('are not run where the driver is missing: one may hang', async () => {
    await using machine = await createRoot()
    const calls: string[] = []
    await look(machine.root, async (program) => (calls.push(program), null))
    expect(calls).toEqual([])
  })

  test('tell health, versions and mode', async () => {
    await using machine = await createRoot(machineFiles)
    const run: RunTool = async (program, [verb]) =>
      program === 'amd-smi' && `amd-smi-${verb}.json` in files ? { stdout: unplaced(files[`amd-smi-${verb}.json`] ?? ''), exit: '0' } : null
    expect(await look(machine.root, run)).toMatchObject({
      gpus: [
        {
          model: 'MI300X',
          partition: { compute: 'SPX', memory: 'NPS1' },
          health: { temperatureCelsius: 44, powerWatts: 141, eccUncorrectable: 0 },
        },
      ],
      rocm: { driver: '6.12.9', rocm: '6.4.1' },
      problems: [],
    })
  })

  test('that are not installed are no problem; one that hangs is', async () => {
    await using machine = await createRoot(machineFiles)
    expect(await look(machine.root, async () => null)).toMatchObject({ gpus: [{ model: 'MI300X' }], problems: [] })
    const hanging: RunTool = async (program) => (program === 'amd-smi' ? { failure: 'took longer than 20 s and was killed' } : null)
    const { gpus, problems } = await look(machine.root, hanging)
    expect(gpus).toMatchObject([{ model: 'MI300X', vramTotalBytes: 191.984375 * GiB }])
    expect(problems[0]).toEqual({ code: 'tool_failed', message: 'amd-smi metric --json took longer than 20 s and was killed' })
  })

  test('processes that hold memory are shown with their GPU, from KFD itself', async () => {
    await using machine = await createRoot({
      ...machineFiles,
      'sys/class/kfd/kfd/topology/nodes/1/gpu_id': '51234\n',
      'sys/class/kfd/kfd/proc/4242/vram_51234': `${3 * GiB}\n`,
      'sys/class/kfd/kfd/proc/4343/vram_51234': '0\n',
      'proc/4242/comm': 'python3\n',
    })
    expect((await look(machine.root)).gpus).toMatchObject([{ processes: [{ pid: 4242, name: 'python3', vramBytes: 3 * GiB }] }])
  })
})

/** Without addresses: those of the made-up KFD are others. One GPU each is paired all the same. */
function unplaced(text: string): string {
  return text.replaceAll(/"(bdf|asic_serial)": "[^"]+"/g, '"$1": "N/A"')
}

test.each([
  [90_010n, 'gfx90a'],
  [90_008n, 'gfx908'],
  [90_402n, 'gfx942'],
  [90_500n, 'gfx950'],
  [110_000n, 'gfx1100'],
  [120_001n, 'gfx1201'],
  [0n, null],
])('%i is %s', (version, name) => {
  expect(gfxName(version)).toBe(name)
})

/** Root may open everything: so that a permission means something, a process of its own looks, which is no longer root. */
async function lookUnprivileged(root: string): ReturnType<typeof inspectGpus> {
  if (process.getuid?.() !== 0) return look(root)
  const module = JSON.stringify(compiledFile('adapters/rocm/index.js'))
  const program = `const { inspectGpus } = await import(${module}); process.setuid(65534); console.log(JSON.stringify(await inspectGpus({ root: ${JSON.stringify(root)}, cards: [], run: null })))`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program])
  return JSON.parse(stdout) as Awaited<ReturnType<typeof inspectGpus>>
}
