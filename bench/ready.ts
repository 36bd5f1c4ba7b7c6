import { median, round, type Bench } from './figure.js'
import { ENDPOINT, withSampleStack } from './sample-stack.js'

const RUNS = 5
const BAR_S = 4

/** From the start of `aim deploy` to its printed end, with the weights on disk. */
export const ready: Bench = {
  name: 'ready',
  about: 'a warm deploy of the 135M model, CLI start to printed ready',
  run: (note) =>
    withSampleStack(async ({ aim, deploy }) => {
      note('cold deploy')
      await deploy()
      const seconds: number[] = []
      for (let run = 0; run < RUNS; run += 1) {
        await aim('stop', ENDPOINT)
        const start = performance.now()
        await deploy()
        seconds.push((performance.now() - start) / 1_000)
        note(`run ${run + 1}: ${round(seconds.at(-1) ?? Number.NaN)} s`)
      }
      const value = round(median(seconds))
      return [{ name: 'warm deploy to ready', value, unit: 's', peer: null, bar: `<= ${BAR_S} s`, holds: value <= BAR_S }]
    }),
}
