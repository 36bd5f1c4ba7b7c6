/** Compute modes of a card, as AMD's tools name them. */
export const COMPUTE_MODES = ['SPX', 'DPX', 'TPX', 'QPX', 'CPX'] as const

/** Parts of a mode; those of CPX are the chiplets of the card. */
export const MODE_PARTS: Readonly<Record<string, number>> = { SPX: 1, DPX: 2, TPX: 3, QPX: 4 }

/** Chiplets (XCD) of a card: 304 CUs of an MI300X are 8 x 38, 228 of an MI300A 6 x 38, 80 of an MI308X 4 x 20; MI350X 256 are 8 x 32. */
export const CHIPLETS: Readonly<Record<string, number>> = { MI300A: 6, MI308X: 4, MI300X: 8, MI325X: 8, MI350X: 8, MI355X: 8 }

/** Into how many parts a mode cuts a card; null: CPX of a card whose chiplets nobody counted. */
export function partsOfMode(mode: string, card: string | null): number | null {
  return MODE_PARTS[mode] ?? CHIPLETS[card ?? ''] ?? null
}
