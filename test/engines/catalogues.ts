import { readFileSync } from 'node:fs'
import { FlagCatalogue } from '../../src/contracts/flag-catalogue.js'

/** A committed catalogue, as the adapter of recipes would read it. */
export function catalogueOf(name: 'vllm-0.32.0' | 'sglang-0.5.23'): FlagCatalogue {
  const file = new URL(`../../recipes/engines/${name}.json`, import.meta.url)
  return FlagCatalogue.parse(JSON.parse(readFileSync(file, 'utf8')))
}
