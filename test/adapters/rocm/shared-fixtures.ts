import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Fixture, Truth } from './fixtures.js'

/** Captures of third parties, which lie beside the repository on some machines. */
const SHARED = fileURLToPath(new URL('../../../../shared/fixtures', import.meta.url))

const MiB = 2 ** 20
const one = (model: string | null, mib: number | null, partition: string | null = null): Truth[] => [
  { model, vram: mib === null ? 0 : mib * MiB, partition, card: 0 },
]
const REFUSED: Truth[] = []

/** `[file there, file of a capture, what it shows, problems that it must name]`. */
const ROWS: [from: string, as: string, truth: Truth[], codes: string[]][] = [
  ['amd-smi/metric-p-rocm6.1.json.txt', 'amd-smi-metric.json', one(null, null), ['model_unknown', 'arch_unknown', 'gpu_memory']],
  ['amd-smi/metric-rocmcli-wrapped.json', 'amd-smi-metric.json', one(null, 196_608), ['model_unknown', 'arch_unknown']],
  ['amd-smi/mi300x-vf-metric-mem-rocm7.json', 'amd-smi-metric.json', one(null, 196_288), ['model_unknown', 'arch_unknown']],
  ['amd-smi/mi300x-vf-process-rocm7.json', 'amd-smi-process.json', REFUSED, ['no_source']],
  ['amd-smi/process-rocmcli-bare.json', 'amd-smi-process.json', REFUSED, ['no_source']],
  ['amd-smi/process-rocmcli-wrapped.json', 'amd-smi-process.json', REFUSED, ['no_source']],
  ['amd-smi/mi355x-list-26.2.1.json', 'amd-smi-list.json', one(null, null), ['model_unknown', 'arch_unknown', 'gpu_memory']],
  ['amd-smi/mi355x-static-26.2.0.json', 'amd-smi-static.json', one('MI355X', 294_912), ['vram_from_table']],
  ['amd-smi/mi355x-static-26.2.1.json', 'amd-smi-static.json', one('MI355X', 294_912), ['vram_from_table']],
  ['amd-smi/static-dstack-1.json', 'amd-smi-static.json', one('MI300X', 196_592), []],
  ['amd-smi/static-dstack-2.json', 'amd-smi-static.json', one('MI300X', 196_592), []],
  ['amd-smi/static-dstack-3.json', 'amd-smi-static.json', one('MI300X', 196_592), []],
  ['amd-smi/static-dstack-4.json', 'amd-smi-static.json', one('MI300X', 196_592), []],
  ['amd-smi/static-doc-rocm7.1.txt', 'amd-smi-static.json', REFUSED, ['amd_smi_unreadable', 'no_source']],
  ['amd-smi/mi350x-static-text-128cu.txt', 'amd-smi-static.json', REFUSED, ['amd_smi_unreadable', 'no_source']],
  ['amd-smi/static-asic-rocm6.3-a.txt', 'amd-smi-static.json', REFUSED, ['amd_smi_unreadable', 'no_source']],
  ['amd-smi/list-rocm6.3.txt', 'amd-smi-list.json', REFUSED, ['amd_smi_unreadable', 'no_source']],
  ['amd-smi/list-e-rocm6.4.txt', 'amd-smi-list.json', REFUSED, ['amd_smi_unreadable', 'no_source']],
  ['amd-smi/topology-rocm6.1.1-new.json.txt', 'amd-smi-list.json', REFUSED, ['amd_smi_unreadable', 'no_source']],
  ['amd-smi/version-rocm6.1.txt', 'amd-smi-version.json', REFUSED, ['no_source']],
  ['amd-smi/version-rocm6.4.txt', 'amd-smi-version.json', REFUSED, ['no_source']],
  ['amd-smi/version-rocm6.4-longdriver.txt', 'amd-smi-version.json', REFUSED, ['no_source']],
  ['errors/amd-smi-device-not-found.constructed.json', 'amd-smi-list.json', REFUSED, ['amd_smi_error', 'no_source']],
  ['errors/amd-smi-driver-not-in-modules.txt', 'amd-smi-list.json', REFUSED, ['amd_smi_unreadable', 'no_source']],
  [
    'errors/amd-smi-missing-groups-before-json.constructed.txt',
    'amd-smi-list.json',
    one(null, null),
    ['missing_groups', 'model_unknown', 'arch_unknown', 'gpu_memory'],
  ],
  ['errors/rocm-smi-device-range-rejected-rocm7.2.txt', 'rocm-smi.json', REFUSED, ['rocm_smi_unreadable', 'no_source']],
  ['errors/rocm-smi-driver-not-initialized.txt', 'rocm-smi.json', REFUSED, ['rocm_smi_unreadable', 'no_source']],
  ['errors/rocm-smi-lowpower-warning-table.txt', 'rocm-smi.json', REFUSED, ['rocm_smi_unreadable', 'no_source']],
  ['errors/rocminfo-kfd-invalid-argument-container.txt', 'rocminfo.txt', REFUSED, ['rocminfo_failed', 'no_source']],
  ['errors/rocminfo-module-not-loaded.txt', 'rocminfo.txt', REFUSED, ['rocminfo_failed', 'no_source']],
  ['rocm-smi/mi250-a-rocm5.json', 'rocm-smi.json', one('MI250X', 65_536), ['shared_device_id', 'vram_from_table']],
  ['rocm-smi/mi250-a-rocm6.json', 'rocm-smi.json', one('MI250X', 65_536), ['shared_device_id', 'vram_from_table']],
  ['rocm-smi/mi250x-showproductname-rocm6.0.json', 'rocm-smi.json', one('MI250X', 65_536), ['vram_from_table']],
  ['rocm-smi/mi300x-vf-showmeminfo-vram.json', 'rocm-smi.json', one(null, 196_288), ['model_unknown', 'arch_unknown']],
  ['rocm-smi/mi300x-vf-showpids.json', 'rocm-smi.json', REFUSED, ['rocm_smi_empty', 'no_source']],
  ['rocm-smi/mi300x-cpx-tail-and-vram.txt', 'rocm-smi.json', REFUSED, ['rocm_smi_unreadable', 'no_source']],
  ['rocm-smi/mi300x-x4-showallinfo.txt', 'rocm-smi.json', REFUSED, ['rocm_smi_unreadable', 'no_source']],
  ['rocm-smi/mi300x-x4-concise.txt', 'rocm-smi.json', REFUSED, ['rocm_smi_unreadable', 'no_source']],
  ['rocm-smi/rx7900xt-showproductname-use-meminfo.json', 'rocm-smi.json', one(null, 20_464), ['model_unknown']],
  ['rocm-smi/rx7900xt.csv', 'rocm-smi.json', REFUSED, ['rocm_smi_unreadable', 'no_source']],
  [
    'rocminfo/mi300x-x4-full.txt',
    'rocminfo.txt',
    [0, 1, 2, 3].map((card) => ({ model: 'MI300X', vram: 196_592 * MiB, partition: null, card })),
    [],
  ],
]

function kfdFixture(): Fixture {
  const folder = join(SHARED, 'kfd/topo-mi210-xgmi-pcie/nodes')
  const files = Object.fromEntries(
    readdirSync(folder).map((node) => [`topology/nodes/${node}/properties`, readFileSync(join(folder, node, 'properties'), 'utf8')]),
  )
  const truth = Array.from({ length: 8 }, (_, card) => ({ model: 'MI210', vram: 64 * 2 ** 30, partition: null, card }))
  return { name: 'kfd/topo-mi210-xgmi-pcie', files, truth, codes: ['vram_from_table'] }
}

/** Empty where they are not. */
export const SHARED_FIXTURES: Fixture[] = existsSync(SHARED)
  ? [
      kfdFixture(),
      ...ROWS.map(([from, as, truth, codes]) => ({ name: from, files: { [as]: readFileSync(join(SHARED, from), 'utf8') }, truth, codes })),
    ]
  : []
