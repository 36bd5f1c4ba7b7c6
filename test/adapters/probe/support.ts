import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

/** A folder that looks like `/`, with the files a test gives; gone when the test is over. */
export async function createRoot(files: Record<string, string> = {}) {
  const root = await mkdtemp(join(tmpdir(), 'aim-root-'))
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), text)
  }
  return { root, [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }) }
}

const lines = (values: Record<string, number | bigint | string>): string =>
  Object.entries(values)
    .map(([name, value]) => `${name} ${value}\n`)
    .join('')

const GiB = 1024 ** 3

/** What KFD shows of one CPU and these GPUs, in the shape of a real node. */
export function kfd(
  gpus: { version?: number; device: number; gib?: number | null; simds?: number; vendor?: number; cpus?: number }[],
): Record<string, string> {
  const nodes = 'sys/class/kfd/kfd/topology/nodes'
  const files: Record<string, string> = {
    'dev/kfd': '',
    [`${nodes}/0/properties`]: lines({ cpu_cores_count: 96, simd_count: 0, vendor_id: 0, device_id: 0 }),
  }
  gpus.forEach(({ version, device, gib = 0, simds = 1216, vendor = 4098, cpus = 0 }, index) => {
    files[`${nodes}/${index + 1}/properties`] = lines({
      cpu_cores_count: cpus,
      simd_count: simds,
      ...(version === undefined ? {} : { gfx_target_version: version }),
      vendor_id: vendor,
      device_id: device,
      location_id: 1280 * (index + 1),
      drm_render_minor: 128 + index,
      hive_id: 9_900_112_233_445_566_778n,
      unique_id: 18_000_000_000_000_000_000n + BigInt(index),
    })
    if (gib !== null)
      files[`${nodes}/${index + 1}/mem_banks/0/properties`] = lines({ heap_type: 1, size_in_bytes: gib * GiB, flags: 0, width: 8192 })
  })
  return files
}
