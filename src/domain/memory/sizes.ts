export const MIB = 2 ** 20
export const GIB = 2 ** 30

/** Bytes in powers of 1024, as engines and cards count memory: `38.7 GiB`. */
export function gib(bytes: number): string {
  return `${(bytes / GIB).toFixed(1)} GiB`
}
