/**
 * How much of a data sheet an engine reaches. One table, so that a doubt has one place; none of it was fitted to the figures that the
 * tests compare it with. Measured runs of a recipe replace what follows from it.
 */
export const EFFICIENCY = {
  /** Share of the peak bandwidth. BabelStream reaches 81 % on MI300X: Ambati et al., "AMD MI300X GPU Performance Analysis", 2025. */
  bandwidth: 0.81,
  /** Share of the peak matrix rate in long prefills. Assumed: about half, as power limits the clock long before the data sheet's. */
  compute: 0.5,
  /** Seconds that one all-reduce of a small message takes, whatever its size. Assumed: two kernel launches and a barrier. */
  allReduceLatency: 20e-6,
  /** Seconds of each forward step outside of the GPU's own work: scheduling, sampling, answers. Assumed. */
  stepOverhead: 1e-3,
  /** Bytes per second between GPUs whose links nobody published: 16 lanes of PCIe 4.0, one direction, by its specification. */
  pcieBandwidth: 31.5e9,
} as const
