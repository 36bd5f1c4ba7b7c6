import { expect, test } from 'vitest'
import { planInput, randomFrom, type Random } from '../../../bench/plan-inputs.js'
import { makePlan, type PlanInput } from '../../../src/domain/selection/make-plan.js'
import { BIG, SMALL, facts, variant } from './support.js'

function shuffled<T>(list: readonly T[], random: Random): T[] {
  const copy = [...list]
  for (let last = copy.length - 1; last > 0; last -= 1) {
    const other = random.below(last + 1)
    const [a, b] = [copy[last], copy[other]]
    if (a !== undefined && b !== undefined) [copy[last], copy[other]] = [b, a]
  }
  return copy
}

function reordered(input: PlanInput, random: Random): PlanInput {
  return {
    ...input,
    recipes: shuffled(input.recipes, random),
    hardware: shuffled(input.hardware, random),
    measurements: shuffled(input.measurements, random),
    nodes: shuffled(input.nodes, random).map((node) => ({
      ...node,
      gpus: shuffled(node.gpus, random),
      backends: shuffled(node.backends, random),
      cachedModels: shuffled(node.cachedModels, random),
    })),
  }
}

const model = facts({ variants: [variant('org/model'), variant('org/model-fp8', { precision: 'fp8', weightBytes: 8e9 })] })

test.each([1, 2, 3, 4])('the same inventory and recipes in 100 other orders give the same plan, byte for byte (seed %i)', (seed) => {
  const input = planInput(seed, model, [BIG, SMALL], { recipes: 60, nodes: 12, gpus: 8, share: 0.9 })
  const plan = JSON.stringify(makePlan(input))
  expect(JSON.parse(plan).candidates.length).toBeGreaterThan(0)
  const random = randomFrom(seed)
  for (let run = 0; run < 100; run += 1) expect(JSON.stringify(makePlan(reordered(input, random)))).toBe(plan)
})

test('a plan keeps nothing for the next one', () => {
  const input = planInput(7, model, [BIG, SMALL], { recipes: 60, nodes: 12, gpus: 8, share: 0.9 })
  const before = structuredClone(input)
  const plan = JSON.stringify(makePlan(input))
  expect(input).toEqual(before)
  const emptied = { ...input, nodes: input.nodes.map((node) => ({ ...node, gpus: [] })) }
  expect(makePlan(emptied).candidates).toEqual([])
  expect(JSON.stringify(makePlan(input))).toBe(plan)
})
