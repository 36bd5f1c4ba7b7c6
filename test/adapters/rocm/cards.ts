import type { Card } from '../../../src/domain/hardware.js'

const card = (name: string, arch: string, deviceIds: number[], gib: number): Card => ({
  name,
  arch,
  deviceIds,
  vramBytes: gib * 2 ** 30,
  bandwidth: null,
  flops: {},
  linkBandwidth: null,
  watts: null,
  fp8: null,
  mxfp4: false,
})

/** The names, ids and sizes of the hardware table: what detection needs of it. MI355X and W7900 without ids: known by name. */
export const CARDS: Card[] = [
  card('MI210', 'gfx90a', [0x740f], 64),
  card('MI250X', 'gfx90a', [0x7408, 0x740c], 64),
  card('MI300A', 'gfx942', [0x74a0], 128),
  card('MI300X', 'gfx942', [0x74a1, 0x74a9, 0x74b5, 0x74bd], 192),
  card('MI308X', 'gfx942', [0x74a2], 192),
  card('MI325X', 'gfx942', [0x74a5, 0x74b9], 256),
  card('MI350X', 'gfx950', [0x75a0], 288),
  card('MI355X', 'gfx950', [], 288),
  card('PRO W7900', 'gfx1100', [], 48),
  card('RX 7900 XTX', 'gfx1100', [0x744c], 24),
]
