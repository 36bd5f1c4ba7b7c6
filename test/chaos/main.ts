/**
 * `npm run test:chaos -- --runs N --seed S [--fault NAME] [--lanes N] [--resume FILE] [--save]`: runs the seeds S, S+1, ... one after the other,
 * or some at once in lanes. Exit code 1 when an invariant was broken.
 */
import { parseArgs } from 'node:util'
import { runInLanes } from './lanes.js'
import { onMachines } from './on-machines.js'
import { runSeeds } from './seeds.js'
import { FAULT_NAMES } from './schedule.js'

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      runs: { type: 'string', default: '10' },
      seed: { type: 'string', default: '1' },
      fault: { type: 'string' },
      lanes: { type: 'string', default: '1' },
      resume: { type: 'string' },
      save: { type: 'boolean', default: false },
    },
  })
  const [runs, seed, lanes] = [Number(values.runs), Number(values.seed), Number(values.lanes)]
  const fault = FAULT_NAMES.find((name) => name === values.fault)
  const areCounts = runs > 0 && lanes > 0 && [runs, seed, lanes].every(Number.isInteger)
  if (!areCounts || (values.fault !== undefined && fault === undefined)) {
    process.stderr.write(
      `--runs, --seed and --lanes are whole numbers, and --fault is one of:\n${FAULT_NAMES.map((name) => `  ${name}\n`).join('')}`,
    )
    return 2
  }
  const { resume = null, save } = values
  const seeds = { runs, seed, fault: fault ?? null }
  if (lanes > 1) return runInLanes({ ...seeds, lanes, resume, save })
  return onMachines((machines, root) => runSeeds({ ...seeds, machines, root, resume, save }))
}

process.exitCode = await main()
