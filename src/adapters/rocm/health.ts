import type { Finding } from './identify.js'
import type { Sighting } from './sighting.js'

/** What makes a GPU one that should not be used now: no engine is planned on uncorrectable errors, and a hot GPU is slow by its own limit. */
export function sickness({ health, slowdownCelsius }: Pick<Sighting, 'health' | 'slowdownCelsius'>): Finding[] {
  const { eccUncorrectable: errors, temperatureCelsius: celsius } = health
  const found: Finding[] = []
  if (errors !== null && errors > 0)
    found.push({ code: 'gpu_ecc', text: `${errors} uncorrectable memory ${errors === 1 ? 'error' : 'errors'}: no engine is planned on it` })
  if (celsius !== null && slowdownCelsius !== null && celsius >= slowdownCelsius)
    found.push({ code: 'gpu_hot', text: `${celsius} C, and it slows itself down from ${slowdownCelsius} C` })
  return found
}
