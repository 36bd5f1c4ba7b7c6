import { chmodSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import failures from './failures.json' with { type: 'json' }

const PROGRAM = fileURLToPath(new URL('engine.mjs', import.meta.url))
const SGLANG = fileURLToPath(new URL('sglang.mjs', import.meta.url))

/** Classes of `src/engines` that it can end as, in vLLM's own words. */
export type FailureName = keyof typeof failures
export const FAILURES = Object.keys(failures) as FailureName[]

/** How a start of the engine goes, and the life after it; absent: it is up at once and answers well. Times in milliseconds. */
export type Behaviour = {
  /** Writes log lines for this long before it is up, or fails. */
  startMs?: number
  /** Ends before it is up, as this class of failures has it. */
  failAs?: FailureName
  /** The same in words of the test's own. */
  fail?: { lines: string[]; code?: number; signal?: NodeJS.Signals }
  /** Stands still before it is up, after its first lines. */
  hangAtStart?: true
  /** Does not fit on fewer GPUs (`oom_weights`), or with a longer context (`oom_kv_len`, which names the longest). */
  needsGpus?: number
  maxContext?: number
  /** Once it is up: `engine` answers /health and /metrics and completes nothing, as vLLM does when its core stands still; `all` nothing. */
  hang?: 'engine' | 'all'
  /** `engine` after so many requests; the proof of readiness counts as one. */
  hangAfter?: number
  /** /health answers 503. */
  unhealthy?: true
  /** Ends so long after it is up, or at the request after so many: by SIGKILL, or as a class of failures. */
  dieAfterMs?: number
  dieAfter?: number
  dieAs?: FailureName
  answer?: 'empty' | 'error'
  /** Of each token, and the most of them. */
  tokenMs?: number
  tokens?: number
  /** As if a long request ran: so many tokens each tenth of a second, in the metrics alone. */
  decoding?: number
  ignoreTerm?: true
  /** Leaves a process with our marker that holds the GPU memory when the engine has ended. */
  orphan?: true
}

/** Which starts: all that is said must fit. `model` is a part of the path of the weights, `gpus` their number. */
export type When = { served?: string; model?: string; node?: string; gpus?: number; context?: number; engine?: 'vllm' | 'sglang' }

type Rule = { id: string; when: When; times?: number; behaviour: Behaviour }

/** Programs for AIM_VLLM_BIN, and what they do. Below `dir`, which is the caller's to remove. */
export function createTestEngine(dir: string) {
  const control = join(dir, 'test-engine')
  mkdirSync(control, { recursive: true })
  const rules: Rule[] = []
  let made = 0
  const write = () => {
    const file = join(control, 'rules.json')
    writeFileSync(`${file}.tmp`, JSON.stringify(rules))
    renameSync(`${file}.tmp`, file)
  }
  return {
    /** The program of one node; the launcher passes no environment on, so what it must know is written into it. */
    program(node = 'node'): string {
      const file = join(control, `vllm-${node}`)
      writeFileSync(file, `#!/bin/sh\nexec '${process.execPath}' '${PROGRAM}' --control '${control}' --node '${node}' "$@"\n`)
      chmodSync(file, 0o755)
      return file
    },
    /** The same for AIM_SGLANG_BIN: of the behaviours it knows `fail`. */
    sglang(node = 'node'): string {
      const file = join(control, `sglang-${node}`)
      writeFileSync(file, `#!/bin/sh\nexec '${process.execPath}' '${SGLANG}' '${control}' '${node}' "$@"\n`)
      chmodSync(file, 0o755)
      return file
    },
    /** Of rules that fit a start the newest counts. `times`: for so many starts, then the next older one. Answers the id of the rule. */
    next(behaviour: Behaviour, when: When = {}, times?: number): string {
      const id = `rule-${(made += 1)}`
      rules.unshift({ id, when, behaviour, ...(times !== undefined && { times }) })
      write()
      return id
    },
    /** How many starts a rule with `times` has decided. */
    uses(id: string): number {
      const folder = join(control, 'uses')
      mkdirSync(folder, { recursive: true })
      return readdirSync(folder).filter((name) => name.startsWith(`${id}.`)).length
    },
    clear(): void {
      rules.length = 0
      write()
    },
  }
}

export type TestEngine = ReturnType<typeof createTestEngine>

/** Changes an engine that runs; null takes a behaviour back. It hears this while it hangs, too. */
export async function behave(url: string, change: { [K in keyof Behaviour]?: Behaviour[K] | null }): Promise<void> {
  const answer = await fetch(`${url}/test/behave`, { method: 'POST', body: JSON.stringify(change) })
  if (!answer.ok) throw new Error(`the test engine at ${url} answers ${answer.status}`)
  await answer.body?.cancel()
}
