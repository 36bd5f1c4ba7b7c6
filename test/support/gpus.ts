import type { Gpu } from '../../src/domain/node.js'

/** A whole, idle MI300X; what a test is about goes into `change`. */
export function aGpu(change: Partial<Gpu> = {}): Gpu {
  return {
    index: 0,
    model: 'MI300X',
    arch: 'gfx942',
    vramTotalBytes: 192 * 2 ** 30,
    vramFreeBytes: 192 * 2 ** 30,
    partition: null,
    card: 0,
    bdf: null,
    hive: null,
    health: { temperatureCelsius: null, powerWatts: null, eccUncorrectable: null, eccCorrectable: null },
    processes: [],
    ...change,
  }
}
