// What a test wants of this start: the first rule of <control>/rules.json that fits it and has not been used up.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Of no rule: it starts at once and answers well. */
export function behaviourOf(control, start) {
  if (control === undefined) return {}
  for (const { id, when = {}, times, behaviour } of rulesOf(control)) {
    if (fits(when, start) && (times === undefined || claim(control, id, times))) return behaviour
  }
  return {}
}

function rulesOf(control) {
  try {
    return JSON.parse(readFileSync(join(control, 'rules.json'), 'utf8'))
  } catch (error) {
    if (error.code === 'ENOENT') return []
    throw error
  }
}

/** `model` is a part of the path of the weights; `context` and `gpus` are what the command line says. */
function fits(when, start) {
  return Object.entries(when).every(([name, wanted]) => (name === 'model' ? start.model.includes(wanted) : start[name] === wanted))
}

/** Each use is a file that only one start can create. */
function claim(control, id, times) {
  mkdirSync(join(control, 'uses'), { recursive: true })
  for (let use = 1; use <= times; use++) {
    try {
      writeFileSync(join(control, 'uses', `${id}.${use}`), `${process.pid}\n`, { flag: 'wx' })
      return true
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
    }
  }
  return false
}
