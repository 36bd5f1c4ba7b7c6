import { execFile } from 'node:child_process'
import { chmod } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { compiledFile } from '../../../src/adapters/compiled.js'
import { gfxName, inspectGpus } from '../../../src/adapters/probe/gpus.js'
import { createRoot, kfd } from './support.js'

const GiB = 1024 ** 3
const MI300X = { version: 90_402, device: 0x74a1, gib: 192 }

describe('GPUs by the compute driver', () => {
  test('each has an index, an instruction set, a name and its memory', async () => {
    await using machine = await createRoot({
      ...kfd([MI300X, MI300X]),
      'sys/class/drm/renderD129/device/mem_info_vram_used': `${2 * GiB}\n`,
    })
    expect(await inspectGpus(machine.root)).toEqual({
      gpus: [
        { index: 0, arch: 'gfx942', model: 'AMD Instinct MI300X', vramTotalBytes: 192 * GiB, vramFreeBytes: null },
        { index: 1, arch: 'gfx942', model: 'AMD Instinct MI300X', vramTotalBytes: 192 * GiB, vramFreeBytes: 190 * GiB },
      ],
      problems: [],
    })
  })

  test('come in the order of their nodes, ten after nine', async () => {
    await using machine = await createRoot(kfd(Array.from({ length: 12 }, (_, n) => ({ ...MI300X, gib: 100 + n }))))
    const { gpus } = await inspectGpus(machine.root)
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
    expect(await inspectGpus(machine.root)).toMatchObject({ gpus: [{ index: 1, arch: 'gfx1100', vramTotalBytes: 24 * GiB }], problems: [] })
  })

  test('CPUs and cards of others are no GPUs of ours', async () => {
    await using machine = await createRoot(
      kfd([
        { ...MI300X, vendor: 4318 },
        { ...MI300X, simds: 0 },
      ]),
    )
    expect(await inspectGpus(machine.root)).toEqual({ gpus: [], problems: [] })
  })

  test('an old driver that shows no instruction set is known by its device', async () => {
    await using machine = await createRoot(kfd([{ device: 0x740f, gib: 64 }]))
    expect((await inspectGpus(machine.root)).gpus).toMatchObject([{ arch: 'gfx90a', model: 'AMD Instinct MI210' }])
  })

  test('a device that we do not know has no name, and its instruction set all the same', async () => {
    await using machine = await createRoot(kfd([{ version: 120_001, device: 0x7777, gib: 16 }]))
    expect((await inspectGpus(machine.root)).gpus).toMatchObject([{ arch: 'gfx1201', model: null }])
  })

  test('memory comes from the graphics driver where KFD shows none; where nobody shows it, that is said', async () => {
    await using machine = await createRoot({
      ...kfd([
        { ...MI300X, gib: null },
        { ...MI300X, gib: null },
      ]),
      'sys/class/drm/renderD128/device/mem_info_vram_total': `${192 * GiB}\n`,
    })
    const { gpus, problems } = await inspectGpus(machine.root)
    expect(gpus).toMatchObject([{ index: 0, vramTotalBytes: 192 * GiB }])
    expect(problems).toMatchObject([{ code: 'gpu_memory', message: expect.stringContaining('GPU 1 (gfx942)') }])
  })

  test('only memory on the card counts', async () => {
    const files = kfd([MI300X])
    const bank = 'sys/class/kfd/kfd/topology/nodes/1/mem_banks/1/properties'
    await using machine = await createRoot({ ...files, [bank]: `heap_type 0\nsize_in_bytes ${512 * GiB}\n` })
    expect((await inspectGpus(machine.root)).gpus).toMatchObject([{ vramTotalBytes: 192 * GiB }])
  })

  test('no driver is no GPU and no problem', async () => {
    await using machine = await createRoot()
    expect(await inspectGpus(machine.root)).toEqual({ gpus: [], problems: [] })
  })

  test('a driver without its topology is a problem', async () => {
    await using machine = await createRoot({ 'dev/kfd': '' })
    expect(await inspectGpus(machine.root)).toMatchObject({ gpus: [], problems: [{ code: 'kfd_topology' }] })
  })

  test('a driver that we may not open is a problem with its remedy', async () => {
    await using machine = await createRoot(kfd([MI300X]))
    await chmod(machine.root, 0o755)
    await chmod(join(machine.root, 'dev/kfd'), 0o000)
    const found = await lookUnprivileged(machine.root)
    expect(found).toMatchObject({ gpus: [], problems: [{ code: 'kfd_permission', message: expect.stringContaining('`render`') }] })
  })
})

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
  if (process.getuid?.() !== 0) return inspectGpus(root)
  const module = JSON.stringify(compiledFile('adapters/probe/gpus.js'))
  const program = `const { inspectGpus } = await import(${module}); process.setuid(65534); console.log(JSON.stringify(await inspectGpus(${JSON.stringify(root)})))`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program])
  return JSON.parse(stdout) as Awaited<ReturnType<typeof inspectGpus>>
}
