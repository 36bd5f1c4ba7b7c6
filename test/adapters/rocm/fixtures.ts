import { amdSmiFiles, kfdFiles, machineOf, rocminfoFile, rocmSmiFile, type CardSpec, type Part } from './machine.js'

/** What a capture shows of each GPU. Null: it does not show that. */
export type Truth = { model: string | null; vram: number | null; partition: string | null; card: number }
export type Fixture = { name: string; files: Record<string, string>; truth: Truth[]; codes: string[] }

const MiB = 2 ** 20
const MI300X: CardSpec = { device: 0x74a1, version: 90_402, name: 'AMD Instinct MI300X', mib: 196_592, xccs: 8 }
const MI325X: CardSpec = { device: 0x74a5, version: 90_402, name: 'AMD Instinct MI325X', mib: 262_128, xccs: 8 }
const MI308X: CardSpec = { device: 0x74a2, version: 90_402, name: 'AMD Instinct MI308X', mib: 196_592, xccs: 4 }
const MI355X: CardSpec = { device: 0x75ff, version: 90_500, name: 'AMD Instinct MI355X', mib: 294_896, xccs: 8 }
const MI350X: CardSpec = { device: 0x75a0, version: 90_500, name: 'AMD Instinct MI350X', mib: 294_896, xccs: 8 }
const MI300A: CardSpec = { device: 0x74a0, version: 90_402, name: 'AMD Instinct MI300A', mib: 96_432, xccs: 6 }
const MI250X: CardSpec = { device: 0x7408, version: 90_010, name: 'AMD Instinct MI250X', mib: 65_520 }
const MI210: CardSpec = { device: 0x740f, version: 90_010, name: 'AMD Instinct MI210', mib: 65_520 }
const W7900: CardSpec = { device: 0x7448, version: 110_000, name: 'AMD Radeon PRO W7900', mib: 49_136 }
const XTX: CardSpec = { device: 0x744c, version: 110_000, name: 'Radeon RX 7900 XTX', mib: 24_560 }
const XT: CardSpec = { device: 0x744c, version: 110_000, name: 'Radeon RX 7900 XT', mib: 20_464 }
const INTEGRATED: CardSpec = { device: 0x164e, version: 100_306, name: 'AMD Radeon Graphics', mib: 512 }

const CPX = { mode: 'CPX', memory: 'NPS1', parts: 8 }
const SPX = { mode: 'SPX', memory: 'NPS1', parts: 1 }

function truthOf(parts: Part[], model: string | null, partition: string | null, share = 1, cards = (index: number) => index): Truth[] {
  return parts.map(({ printedMib }, index) => ({ model, vram: Math.floor((printedMib * MiB) / share), partition, card: cards(index) }))
}

const whole = machineOf(MI300X, 8, SPX)
const cpx = machineOf(MI300X, 8, CPX)
const cpxNps4 = machineOf(MI300X, 2, { ...CPX, memory: 'NPS4' })
const dpx = machineOf(MI325X, 4, { mode: 'DPX', memory: 'NPS2', parts: 2 })
const cpx308 = machineOf(MI308X, 2, { mode: 'CPX', memory: 'NPS1', parts: 4 })
const mi355x = machineOf(MI355X, 8, SPX)
const mi350x = machineOf(MI350X, 1, SPX)
const mi325x = machineOf(MI325X, 8, SPX)
const mi300a = machineOf(MI300A, 4, SPX)
/** Two dies a card, each with an address and an id of its own. */
const mi250x = machineOf(MI250X, 8).map((die, index) => ({ ...die, board: `PCB0${Math.floor(index / 2)}77`, other: 2 + (index ^ 1) }))
/** Two hives of four, joined by PCIe. */
const mi210 = machineOf(MI210, 8).map((gpu, index) => ({ ...gpu, hive: index < 4 ? 0x111n : 0x222n, heap: null }))
const w7900 = machineOf(W7900, 2).map((gpu) => ({ ...gpu, hive: 0n }))
const beside = [...machineOf(INTEGRATED, 1), ...machineOf(XTX, 1).map((gpu) => ({ ...gpu, bus: 0x2f, unique: 0x77n }))]
const xt = machineOf(XT, 1)
const pairs = (index: number): number => Math.floor(index / 2)
const eights = (index: number): number => Math.floor(index / 8)
const gpuOf = (files: Record<string, string>, pick: string[]): Record<string, string> =>
  Object.fromEntries(Object.entries(files).filter(([name]) => pick.includes(name)))

const ERROR = JSON.stringify({ error: 'Unable to detect any GPU devices, driver not initialized', code: -3 })
const GROUPS = 'WARNING: User is missing the following required groups: render, video. Please add user to these groups.\n'
const LOW_POWER = 'WARNING: AMD GPU device(s) is/are in a low-power state. Check power control/runtime_status\n\n'
const hidden = whole.map((_, gpu) => ({ gpu, bdf: 'N/A', uuid: 'N/A', kfd_id: 'N/A', node_id: 'N/A', partition_id: 0 }))

/** Captures in the shapes of the tools, and what each shows. `codes`: problems that it must name, and no others. */
export const FIXTURES: Fixture[] = [
  {
    name: '8x MI300X, ROCm 6, all sources',
    files: { ...kfdFiles(whole), ...amdSmiFiles(whole), ...rocmSmiFile(whole, 6), ...rocminfoFile(whole) },
    truth: truthOf(whole, 'MI300X', 'SPX'),
    codes: [],
  },
  { name: '8x MI300X, KFD alone', files: kfdFiles(whole), truth: truthOf(whole, 'MI300X', 'SPX'), codes: [] },
  {
    name: '8x MI300X, amd-smi alone, plain numbers, old key',
    files: amdSmiFiles(whole, { plain: true, partitionKey: 'compute_partition' }),
    truth: truthOf(whole, 'MI300X', 'SPX'),
    codes: [],
  },
  { name: '8x MI300X, rocminfo alone', files: rocminfoFile(whole), truth: truthOf(whole, 'MI300X', null), codes: [] },
  {
    name: '8x MI300X, rocm-smi alone, warned of low power',
    files: { 'rocm-smi.json': LOW_POWER + rocmSmiFile(whole, 6)['rocm-smi.json'] },
    truth: truthOf(whole, 'MI300X', 'SPX'),
    codes: [],
  },
  {
    name: '64 parts of 8 MI300X in CPX, all sources',
    files: { ...kfdFiles(cpx), ...amdSmiFiles(cpx, { wrapped: true }) },
    truth: truthOf(cpx, 'MI300X', 'CPX', 8, eights),
    codes: [],
  },
  {
    name: '64 parts of 8 MI300X in CPX, amd-smi that prints the whole memory for each',
    files: amdSmiFiles(cpx),
    truth: truthOf(cpx, 'MI300X', 'CPX', 8, eights),
    codes: [],
  },
  { name: '64 parts of 8 MI300X in CPX, KFD alone', files: kfdFiles(cpx), truth: truthOf(cpx, 'MI300X', 'CPX', 8, eights), codes: [] },
  {
    name: '64 parts of 8 MI300X in CPX, rocm-smi that prints the whole memory for each',
    files: rocmSmiFile(cpx, 6),
    truth: truthOf(cpx, 'MI300X', 'CPX', 8, eights),
    codes: [],
  },
  {
    name: '2x MI300X in CPX and NPS4',
    files: { ...kfdFiles(cpxNps4), ...amdSmiFiles(cpxNps4) },
    truth: truthOf(cpxNps4, 'MI300X', 'CPX', 8, eights),
    codes: [],
  },
  {
    name: '4x MI325X in DPX, amd-smi alone',
    files: amdSmiFiles(dpx, { wrapped: true }),
    truth: truthOf(dpx, 'MI325X', 'DPX', 2, pairs),
    codes: [],
  },
  {
    name: '2x MI308X in CPX: four parts',
    files: { ...kfdFiles(cpx308), ...amdSmiFiles(cpx308) },
    truth: truthOf(cpx308, 'MI308X', 'CPX', 4, (index) => Math.floor(index / 4)),
    codes: [],
  },
  {
    name: '8x MI355X, wrapped, known by its name',
    files: { ...kfdFiles(mi355x), ...amdSmiFiles(mi355x, { wrapped: true }) },
    truth: truthOf(mi355x, 'MI355X', 'SPX'),
    codes: [],
  },
  { name: 'MI350X, amd-smi alone', files: amdSmiFiles(mi350x, { wrapped: true }), truth: truthOf(mi350x, 'MI350X', 'SPX'), codes: [] },
  { name: '8x MI325X', files: { ...kfdFiles(mi325x), ...amdSmiFiles(mi325x) }, truth: truthOf(mi325x, 'MI325X', 'SPX'), codes: [] },
  { name: '4x MI250X: eight dies, KFD alone', files: kfdFiles(mi250x), truth: truthOf(mi250x, 'MI250X', null, 1, pairs), codes: [] },
  {
    name: '4x MI250X: eight dies, amd-smi that misspells the instruction set',
    files: amdSmiFiles(mi250x, { arch: () => 'gfx9010', legacyFirmware: true }),
    truth: truthOf(mi250x, 'MI250X', null, 1, pairs),
    codes: [],
  },
  {
    name: '8x MI210 in two hives, without memory in KFD',
    files: { ...kfdFiles(mi210), ...rocmSmiFile(mi210, 6) },
    truth: truthOf(mi210, 'MI210', null),
    codes: [],
  },
  { name: '8x MI210, rocm-smi 5', files: rocmSmiFile(mi210, 5), truth: truthOf(mi210, 'MI210', null), codes: [] },
  {
    name: '4x MI300A',
    files: { ...kfdFiles(mi300a), ...amdSmiFiles(mi300a, { wrapped: true }) },
    truth: truthOf(mi300a, 'MI300A', 'SPX'),
    codes: [],
  },
  {
    name: '2x W7900, known by name',
    files: { ...kfdFiles(w7900), ...amdSmiFiles(w7900) },
    truth: truthOf(w7900, 'PRO W7900', null),
    codes: [],
  },
  {
    name: 'RX 7900 XTX beside an integrated GPU',
    files: { ...kfdFiles(beside), ...amdSmiFiles(beside), ...rocmSmiFile(beside, 6) },
    truth: truthOf(beside.slice(1), 'RX 7900 XTX', null),
    codes: [],
  },
  {
    name: 'RX 7900 XTX beside an integrated GPU, KFD alone',
    files: kfdFiles(beside),
    truth: truthOf(beside.slice(1), 'RX 7900 XTX', null),
    codes: [],
  },
  {
    name: 'RX 7900 XT, which shares its id',
    files: { ...kfdFiles(xt), ...rocmSmiFile(xt, 6) },
    truth: truthOf(xt, null, null),
    codes: ['model_unknown'],
  },
  {
    name: 'driver built into the kernel: amd-smi fails, KFD works',
    files: { ...kfdFiles(mi325x), 'amd-smi-list.json': ERROR, 'amd-smi-static.json': ERROR },
    truth: truthOf(mi325x, 'MI325X', 'SPX'),
    codes: ['amd_smi_error'],
  },
  {
    name: 'amd-smi says an error and nothing else is there',
    files: { 'amd-smi-list.json': ERROR },
    truth: [],
    codes: ['amd_smi_error', 'no_source'],
  },
  {
    name: 'missing groups hide addresses, KFD knows them',
    files: { ...kfdFiles(whole), 'amd-smi-list.json': `${GROUPS}${JSON.stringify(hidden, null, 4)}\n` },
    truth: truthOf(whole, 'MI300X', 'SPX'),
    codes: ['missing_groups'],
  },
  { name: 'no GPU at all', files: kfdFiles([]), truth: [], codes: [] },
  {
    name: 'only what amd-smi static tells',
    files: gpuOf(amdSmiFiles(mi325x), ['amd-smi-static.json']),
    truth: truthOf(mi325x, 'MI325X', 'SPX'),
    codes: [],
  },
]
