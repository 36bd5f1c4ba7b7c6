/** One GPU as the makers of captures below write it: a whole card, a die, or a part of a card. */
export type Part = {
  device: number
  /** As `gfx_target_version` counts it. */
  version: number
  name: string
  /** What the tools print for it, MiB. */
  printedMib: number
  /** What KFD shows for it, bytes; null: no mem_banks. */
  heap: number | null
  bus: number
  function: number
  unique: bigint
  hive: bigint
  mode: string
  memory: string
  part: number
  xccs: number
  integrated?: boolean
  /** Number of the board, where dies share one. */
  board?: string
  /** KFD node of the other die. */
  other?: number
}

const MiB = 2 ** 20
const BUSES = [0x0c, 0x22, 0x38, 0x5c, 0x9f, 0xaf, 0xbf, 0xdf]

export type CardSpec = Pick<Part, 'device' | 'version' | 'name'> & { mib: number; xccs?: number; board?: string }

/** This many cards of one kind, each cut into `parts`; every part prints the whole card's memory, as the tools do. */
export function machineOf(
  spec: CardSpec,
  count: number,
  cut: { mode: string; memory: string; parts: number } = { mode: 'N/A', memory: 'N/A', parts: 1 },
): Part[] {
  const { mib, xccs = 1, ...rest } = spec
  return Array.from({ length: count * cut.parts }, (_, index) => {
    const card = Math.floor(index / cut.parts)
    const part = index % cut.parts
    return {
      ...rest,
      printedMib: mib,
      heap: Math.floor((mib * MiB) / cut.parts),
      bus: BUSES[card] ?? 0xe0 + card,
      function: part,
      unique: 0x51c0_ffee_0000_1000n + BigInt(card) * 0x1357n,
      hive: count > 1 ? 0x7a11_0000_beef_0001n : 0n,
      mode: cut.mode,
      memory: cut.memory,
      part,
      xccs: xccs / cut.parts,
    }
  })
}

const hex = (value: number | bigint, digits: number): string => value.toString(16).padStart(digits, '0')
const bdf = ({ bus, function: digit }: Part): string => `0000:${hex(bus, 2)}:00.${digit}`
const gfx = (version: number): string =>
  `gfx${Math.floor(version / 10_000)}${Math.floor(version / 100) % 100}${(version % 100).toString(16)}`
const lines = (values: Record<string, number | bigint>): string =>
  Object.entries(values)
    .map(([name, value]) => `${name} ${value}\n`)
    .join('')
const CPUS = 2

/** `topology/nodes` of KFD: two processors, then the GPUs. */
export function kfdFiles(parts: Part[]): Record<string, string> {
  const files: Record<string, string> = {}
  for (let cpu = 0; cpu < CPUS; cpu++)
    files[`topology/nodes/${cpu}/properties`] = lines({
      cpu_cores_count: 48,
      simd_count: 0,
      mem_banks_count: 1,
      gfx_target_version: 0,
      vendor_id: 0,
      device_id: 0,
      location_id: 0,
    })
  parts.forEach((part, index) => {
    const node = `topology/nodes/${index + CPUS}`
    files[`${node}/gpu_id`] = `${41_000 + index * 7}\n`
    files[`${node}/properties`] = lines({
      cpu_cores_count: 0,
      simd_count: 1216,
      mem_banks_count: 1,
      gfx_target_version: part.version,
      vendor_id: 4098,
      device_id: part.device,
      location_id: part.bus * 256 + part.function,
      domain: 0,
      drm_render_minor: 128 + index,
      hive_id: part.hive,
      unique_id: part.unique,
      num_xcc: part.xccs,
      max_engine_clk_fcompute: 2100,
    })
    if (part.heap !== null)
      files[`${node}/mem_banks/0/properties`] = lines({ heap_type: 1, size_in_bytes: part.heap, flags: 0, width: 8192 })
    if (part.other !== undefined)
      files[`${node}/io_links/0/properties`] = lines({
        type: 11,
        version_major: 0,
        node_from: index + CPUS,
        node_to: part.other,
        weight: 15,
        max_bandwidth: 200_000,
      })
  })
  return files
}

/** How a version of amd-smi writes. */
export type Style = {
  wrapped?: boolean
  plain?: boolean
  partitionKey?: string
  arch?: (name: string) => string
  bare?: boolean
  legacyFirmware?: boolean
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 4)}\n`

/** `amd-smi list|static|metric|version --json`. Secondary parts answer `N/A`, as they do. */
export function amdSmiFiles(parts: Part[], style: Style = {}): Record<string, string> {
  const quantity = (value: number, unit: string): unknown => (style.plain ? value : { value, unit })
  const wrap = (list: unknown[]): unknown => (style.wrapped ? { gpu_data: list } : list)
  const list = parts.map((part, gpu) => ({
    gpu,
    bdf: bdf(part),
    uuid: `c0ff${hex(part.device, 4)}-0000-1000-80${hex(part.part, 2)}-${hex(part.unique, 16).slice(4)}`,
    kfd_id: 41_000 + gpu * 7,
    node_id: gpu + CPUS,
    partition_id: part.part,
  }))
  const statics = parts.map((part, gpu) => {
    const first = part.part === 0
    return {
      gpu,
      asic: {
        market_name: first ? part.name : 'N/A',
        vendor_id: '0x1002',
        device_id: first ? `0x${hex(part.device, 4)}` : 'N/A',
        asic_serial: first ? `0x${hex(part.unique, 16).toUpperCase()}` : 'N/A',
        oam_id: 0,
        num_compute_units: 38 * part.xccs,
        target_graphics_version: (style.arch ?? ((name: string) => name))(gfx(part.version)),
      },
      bus: { bdf: bdf(part), max_pcie_width: 16, slot_type: 'OAM' },
      ...(style.legacyFirmware ? { vbios: { name: 'N/A' } } : { ifwi: { name: 'N/A' } }),
      limit: { max_power: quantity(750, 'W') },
      driver: { name: 'amdgpu', version: '6.12.9' },
      board: { model_number: 'N/A', product_serial: part.board ?? `69${gpu}0042`, product_name: 'N/A' },
      partition: first
        ? { [style.partitionKey ?? 'accelerator_partition']: part.mode, memory_partition: part.memory, partition_id: part.part }
        : { [style.partitionKey ?? 'accelerator_partition']: 'N/A', memory_partition: 'N/A', partition_id: part.part },
      vram: { type: 'HBM', vendor: 'N/A', size: quantity(part.printedMib, 'MB'), bit_width: 8192 },
    }
  })
  const metric = parts.map((part, gpu) => ({
    gpu,
    power: { socket_power: part.part === 0 ? quantity(141, 'W') : 'N/A', power_management: 'ENABLED' },
    temperature: { edge: 'N/A', hotspot: quantity(44, 'C'), mem: quantity(37, 'C') },
    ecc: { total_correctable_count: 3, total_uncorrectable_count: 0 },
    mem_usage: {
      total_vram: quantity(part.printedMib, 'MB'),
      used_vram: quantity(285, 'MB'),
      free_vram: quantity(part.printedMib - 285, 'MB'),
    },
  }))
  return {
    'amd-smi-list.json': json(list),
    'amd-smi-static.json': json(wrap(statics)),
    'amd-smi-metric.json': json(wrap(metric)),
    'amd-smi-version.json': json([
      { tool: 'AMDSMI Tool', version: '25.4.1', amdsmi_library_version: '25.4.0', rocm_version: '6.4.1', amdgpu_version: '6.12.9' },
    ]),
  }
}

/** `rocm-smi -a --showmeminfo vram --json` of 5.x or 6.x: all values are strings. */
export function rocmSmiFile(parts: Part[], version: 5 | 6): Record<string, string> {
  const cards = parts.map((part, gpu) => {
    const shared = {
      'Unique ID': `0x${hex(part.unique, 16).replace(/^0+/, '')}`,
      'PCI Bus': bdf(part).toUpperCase(),
      'Temperature (Sensor junction) (C)': '41.0',
      'VRAM Total Memory (B)': String(part.printedMib * MiB),
      'VRAM Total Used Memory (B)': String(285 * MiB),
    }
    const names =
      version === 5
        ? {
            'GPU ID': `0x${hex(part.device, 4)}`,
            'Card series': part.name,
            'Card model': '0x0b1d',
            'Average Graphics Package Power (W)': '95.0',
          }
        : {
            'Device Name': part.name,
            'Device ID': `0x${hex(part.device, 4)}`,
            'Card Series': part.name,
            'Card Model': `0x${hex(part.device, 4)}`,
            'Node ID': String(gpu + CPUS),
            GUID: String(41_000 + gpu * 7),
            'GFX Version': gfx(part.version).replace('gfx90a', 'gfx9010'),
            'Current Socket Graphics Package Power (W)': part.part === 0 ? '140.0' : 'N/A (Secondary die)',
            ...(part.mode === 'N/A' ? {} : { 'Compute Partition': part.mode, 'Memory Partition': part.memory }),
          }
    return [`card${gpu}`, { ...shared, ...names }]
  })
  return { 'rocm-smi.json': json({ ...Object.fromEntries(cards), system: { 'Driver version': '6.12.9' } }) }
}

/** What rocminfo prints, shortened to the lines that matter and some that do not. */
export function rocminfoFile(parts: Part[]): Record<string, string> {
  const row = (key: string, value: string | number): string => `  ${`${key}:`.padEnd(25)}${value}\n`
  const agent = (number: number, body: string): string =>
    `*******                  \nAgent ${number}                  \n*******                  \n${body}`
  const cpus = Array.from({ length: CPUS }, (_, index) =>
    agent(
      index + 1,
      row('Name', 'AMD EPYC 9654 96-Core Processor') +
        row('Uuid', 'CPU-XX') +
        row('Marketing Name', 'AMD EPYC 9654 96-Core Processor') +
        row('Node', index) +
        row('Device Type', 'CPU') +
        row('Chip ID', '0(0x0)') +
        row('Compute Unit', 192) +
        pool(1_188_000_000),
    ),
  )
  const gpus = parts.map((part, index) =>
    agent(
      CPUS + index + 1,
      row('Name', gfx(part.version)) +
        row('Uuid', `GPU-${hex(part.unique, 16)}`) +
        row('Marketing Name', part.name) +
        row('Vendor Name', 'AMD') +
        row('Node', index + CPUS) +
        row('Device Type', 'GPU') +
        row('Chip ID', `${part.device}(0x${hex(part.device, 4)})`) +
        row('BDFID', part.bus * 256 + part.function) +
        row('Compute Unit', 38 * part.xccs) +
        pool(Math.floor((part.heap ?? part.printedMib * MiB) / 1024)) +
        `  ISA Info:                \n    ISA 1                    \n      Name:                    amdgcn-amd-amdhsa--${gfx(part.version)}:sramecc+:xnack-\n`,
    ),
  )
  return {
    'rocminfo.txt': `ROCk module version 6.12.9 is loaded\n=====================    \nHSA System Attributes    \n=====================    \nRuntime Version:         1.14\n\n==========               \nHSA Agents               \n==========               \n${[...cpus, ...gpus].join('')}*** Done ***             \n`,
  }
}

function pool(kilobytes: number): string {
  const size = `Size:                    ${kilobytes}(0x${kilobytes.toString(16)}) KB`
  return `  Pool Info:               \n    Pool 1                   \n      Segment:                 GLOBAL; FLAGS: COARSE GRAINED      \n      ${size}            \n      Allocatable:             TRUE                               \n    Pool 2                   \n      Segment:                 GROUP                              \n      Size:                    64(0x40) KB                        \n`
}
