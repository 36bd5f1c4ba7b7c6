// `sglang serve` on a virtual node: fails as a test wants it, or else is the stand-in.
import { behaviourOf } from './behaviour.mjs'

const [control, node] = process.argv.splice(2, 2)
const served = process.argv[process.argv.indexOf('--served-model-name') + 1]
const model = process.argv[process.argv.indexOf('--model-path') + 1]
const gpus = (process.env.HIP_VISIBLE_DEVICES ?? '').split(',').length
const { fail } = behaviourOf(control, { served, model, node, gpus, engine: 'sglang' })
if (fail !== undefined) {
  process.stderr.write(`${fail.lines.join('\n')}\n`)
  process.exit(fail.code ?? 1)
}
await import('../sglang-stand-in.mjs')
