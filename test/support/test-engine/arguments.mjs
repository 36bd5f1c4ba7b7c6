// The command line of `vllm serve`, as far as a catalogue of its flags can check one: full names, and the number, type and choice of values.
import { readFileSync } from 'node:fs'

const CATALOGUE = new URL('../../../recipes/engines/vllm-0.32.0.json', import.meta.url)
/** Flags of our wrapper, which stand before the verb. */
const OWN = { '--control': 'control', '--node': 'node' }

/** A refusal in the words of Python's parser, which ends with code 2. */
export class Refused extends Error {}

/** `--control DIR --node ID serve MODEL --port N ...`: what the wrapper says, the model, and flags by their names. */
export function readArguments(words) {
  const rest = [...words]
  const own = {}
  while (rest[0] in OWN) own[OWN[rest.shift()]] = rest.shift()
  const verb = rest.shift()
  if (verb !== 'serve') throw new Refused(`argument subcommand: invalid choice: '${verb}'`)
  const model = rest[0]?.startsWith('--') === false ? rest.shift() : undefined
  if (model === undefined) throw new Refused('the following arguments are required: model_tag')
  return { ...own, model, flags: readFlags(rest) }
}

function readFlags(words) {
  const known = new Map(JSON.parse(readFileSync(CATALOGUE, 'utf8')).flags.flatMap((flag) => namesOf(flag).map((name) => [name, flag])))
  const found = { host: '127.0.0.1', port: '8000', 'gpu-memory-utilization': '0.92' }
  while (words.length > 0) {
    const [name, joined] = words.shift().split(/=(.*)/s)
    const flag = known.get(name.split('.')[0])
    if (flag === undefined) throw new Refused(`unrecognized arguments: ${name}`)
    const end = words.findIndex((word) => word.startsWith('--'))
    const most = flag.kind !== 'value' || joined !== undefined ? 0 : flag.nargs === '+' ? words.length : 1
    const values = [...(joined === undefined ? [] : [joined]), ...words.splice(0, Math.min(end === -1 ? words.length : end, most))]
    found[name.replace(/^--/, '')] = valueOf(flag, name, values)
  }
  return found
}

function namesOf({ name, aliases = [], kind }) {
  return [name, ...aliases].flatMap((one) => (kind === 'pair' ? [`--${one}`, `--no-${one}`] : [`--${one}`]))
}

function valueOf({ kind, type, choices, nargs }, name, values) {
  if (kind !== 'value') return true
  if (values.length === 0 && nargs !== '?') throw new Refused(`argument ${name}: expected one argument`)
  for (const value of values) {
    if (type === 'int' && !/^-?\d+$/.test(value)) throw new Refused(`argument ${name}: invalid int value: '${value}'`)
    if (type === 'float' && !Number.isFinite(Number(value))) throw new Refused(`argument ${name}: invalid float value: '${value}'`)
    if (choices !== undefined && !choices.includes(value)) throw new Refused(`argument ${name}: invalid choice: '${value}'`)
  }
  return values.join(' ')
}
