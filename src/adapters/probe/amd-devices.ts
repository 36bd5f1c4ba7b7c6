/** One PCI device: what it is called and the instruction set it runs. */
export type AmdDevice = { model: string; arch: string }

/**
 * AMD accelerators by PCI device id. The id is the only name that can be trusted: market names do not tell parts apart, and the number
 * of compute units is per partition. Sources: vLLM 0.32 `platforms/rocm.py`, ROCm/gpu-operator node rules.
 */
export const AMD_DEVICES: Readonly<Record<number, AmdDevice>> = {
  0x738c: { model: 'AMD Instinct MI100', arch: 'gfx908' },
  0x7408: { model: 'AMD Instinct MI250X', arch: 'gfx90a' },
  0x740c: { model: 'AMD Instinct MI250/MI250X', arch: 'gfx90a' },
  0x740f: { model: 'AMD Instinct MI210', arch: 'gfx90a' },
  0x74a0: { model: 'AMD Instinct MI300A', arch: 'gfx942' },
  0x74a1: { model: 'AMD Instinct MI300X', arch: 'gfx942' },
  0x74a2: { model: 'AMD Instinct MI308X', arch: 'gfx942' },
  0x74a5: { model: 'AMD Instinct MI325X', arch: 'gfx942' },
  0x74a9: { model: 'AMD Instinct MI300X HF', arch: 'gfx942' },
  0x74b5: { model: 'AMD Instinct MI300X VF', arch: 'gfx942' },
  0x74b9: { model: 'AMD Instinct MI325X VF', arch: 'gfx942' },
  0x74bd: { model: 'AMD Instinct MI300X HF', arch: 'gfx942' },
  0x75a0: { model: 'AMD Instinct MI350X', arch: 'gfx950' },
  0x744c: { model: 'AMD Radeon RX 7900 XT/XTX', arch: 'gfx1100' },
  0x7550: { model: 'AMD Radeon RX 9070 XT', arch: 'gfx1201' },
  0x7551: { model: 'AMD Radeon AI PRO R9700', arch: 'gfx1201' },
}
