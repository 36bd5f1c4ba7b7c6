/**
 * `npm run test:chaos -- --runs N --seed S [--fault NAME] [--resume FILE] [--save]`: runs the seeds S, S+1, ... one after the other. Exit code 1
 * when an invariant was broken.
 */
import { parseArgs } from 'node:util'
import { onMachines } from './on-machines.js'
import { runSeeds } from './seeds.js'
import { FAULT_NAMES } from './schedule.js'

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      runs: { type: 'string', default: '10' },
      seed: { type: 'string', default: '1' },
      fault: { type: 'string' },
      resume: { type: 'string' },
      save: { type: 'boolean', default: false },
    },
  })
  const [runs, seed] = [Number(values.runs), Number(values.seed)]
  const fault = FAULT_NAMES.find((name) => name === values.fault)
  if (!Number.isInteger(runs) || !Number.isInteger(seed) || (values.fault !== undefined && fault === undefined)) {
    process.stderr.write(`--runs and --seed are numbers, and --fault is one of:\n${FAULT_NAMES.map((name) => `  ${name}\n`).join('')}`)
    return 2
  }
  const { resume = null, save } = values
  return onMachines((machines, root) => runSeeds({ machines, root, runs, seed, fault: fault ?? null, resume, save }))
}

process.exitCode = await main()
