import { expect, test } from 'vitest'
import { describeCaptures, type InspectedCaptures } from '../../../src/adapters/rocm/captures.js'
import { isAimError } from '../../../src/contracts/errors.js'
import { CARDS } from './cards.js'
import { FIXTURES, type Fixture } from './fixtures.js'
import { memoryTree } from './memory-tree.js'
import { MUTATIONS, type Mutation } from './mutations.js'
import { randomOf, type Random } from '../../support/random.js'
import { SHARED_FIXTURES } from './shared-fixtures.js'

const RUNS = 10_000
const SEED = 20_260_411

/** Files that tell how many GPUs there are: where one alone does, a GPU that is gone from it leaves no trace. */
const COUNTING = ['amd-smi-list.json', 'amd-smi-static.json', 'amd-smi-metric.json', 'rocm-smi.json', 'rocminfo.txt']

test(`${RUNS} mutations of captures end in the truth or in a named problem`, { timeout: 120_000 }, async () => {
  const fixtures = [...FIXTURES, ...SHARED_FIXTURES]
  const before = new Map<Fixture, Set<string>>()
  for (const fixture of fixtures) before.set(fixture, messages(await inspect(fixture.files)))
  const wrong: string[] = []
  const seen = { certain: 0, inPart: 0, refused: 0 }
  for (let run = 0; run < RUNS; run++) {
    const random = randomOf(SEED + run)
    const fixture = random.pick(fixtures)
    const { files, what } = mutate(fixture, random)
    const found = await inspect(files)
    const fault = judge(fixture, found, before.get(fixture) ?? new Set())
    if (fault !== null) wrong.push(`run ${run}, ${fixture.name}, ${what}: ${fault}`)
    if (fixture.truth.length === 0) continue
    if (found.gpus.length === 0) seen.refused++
    else if (found.problems.length === 0) seen.certain++
    else seen.inPart++
  }
  expect(wrong.slice(0, 20)).toEqual([])
  // A program that refuses everything would be right, too.
  expect(seen.certain).toBeGreaterThan(seen.refused)
  expect(seen.inPart).toBeGreaterThan(seen.refused)
})

function mutate({ files }: Fixture, random: Random): { files: Record<string, string>; what: string } {
  const counting =
    COUNTING.filter((file) => file in files).length + (Object.keys(files).some((file) => file.startsWith('topology')) ? 1 : 0)
  const changed = { ...files }
  const what: string[] = []
  // A file that is gone and a GPU that is gone from another one leave no trace together.
  const mayRemove = counting > 1 && random.below(8) === 0
  if (mayRemove) {
    const file = random.pick(Object.keys(files).filter((name) => COUNTING.includes(name)))
    delete changed[file]
    what.push(`${file} is missing`)
  }
  for (let times = 1 + random.below(3); times > 0; times--) {
    const file = random.pick(Object.keys(changed))
    const mutation: Mutation = random.pick(MUTATIONS.filter(({ drops }) => !drops || (counting > 1 && !mayRemove)))
    changed[file] = mutation.apply(changed[file] ?? '', random)
    what.push(`${file}: ${mutation.name}`)
  }
  return { files: changed, what: what.join(', ') }
}

async function inspect(files: Record<string, string>): Promise<Pick<InspectedCaptures, 'gpus' | 'problems'>> {
  try {
    return await describeCaptures(memoryTree(files), CARDS)
  } catch (error) {
    if (!isAimError(error) || error.code !== 'InvalidInput') throw error
    return { gpus: [], problems: [{ code: error.code, message: error.message }] }
  }
}

const messages = ({ problems }: Pick<InspectedCaptures, 'problems'>): Set<string> => new Set(problems.map(({ message }) => message))

/** What is wrong with the answer, or null. A problem excuses only if the untouched capture did not have it. */
function judge({ truth }: Fixture, { gpus, problems }: Pick<InspectedCaptures, 'gpus' | 'problems'>, before: Set<string>): string | null {
  const excused = problems.some(({ message }) => !before.has(message))
  const said = problems.map(({ code, message }) => `${code}: ${message}`).join('; ')
  if (gpus.length > truth.length) return `${gpus.length} GPUs of ${truth.length}; ${said}`
  if (gpus.length < truth.length && !excused) return `only ${gpus.length} GPUs of ${truth.length}`
  if (new Set(gpus.map(({ index }) => index)).size < gpus.length) return 'an index twice'
  const offset = gpus.length === truth.length ? 0 : Number.NaN
  for (const [place, gpu] of gpus.entries()) {
    const expected = truth[place + offset] ?? truth[0]
    if (expected === undefined) return 'a GPU where there is none'
    if (gpu.model !== null && gpu.model !== expected.model) return `${gpu.model} instead of ${expected.model}; ${said}`
    if (gpu.model !== expected.model && !excused) return `model ${gpu.model}`
    if (
      gpu.vramTotalBytes !== expected.vram &&
      !(expected.vram !== null && Math.abs(gpu.vramTotalBytes / expected.vram - 1) < 1e-6) &&
      !excused
    )
      return `${gpu.vramTotalBytes} bytes of ${expected.vram}`
    const mode = gpu.partition?.compute ?? null
    if (mode !== expected.partition && mode !== null && !excused) return `partition ${mode} of ${expected.partition}`
    if (gpu.card !== expected.card && !excused) return `card ${gpu.card} of ${expected.card}`
  }
  return null
}
