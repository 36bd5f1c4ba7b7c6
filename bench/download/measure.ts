import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** One run of a whole process: from its start to its end, what it and its children took of the processor, and its most memory. */
export type Cost = { seconds: number; cpuSeconds: number; maxRssBytes: number; stdout: string }

const WRAPPER = `
import json, resource, subprocess, sys, time
began = time.monotonic()
done = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
seconds = time.monotonic() - began
used = resource.getrusage(resource.RUSAGE_CHILDREN)
if done.returncode != 0:
    sys.exit(done.stderr.decode()[-2000:] or f'exit {done.returncode}')
print(json.dumps({'seconds': seconds, 'cpuSeconds': used.ru_utime + used.ru_stime, 'maxRssBytes': used.ru_maxrss * 1024, 'stdout': done.stdout.decode()[-20000:]}))
`

/** Node does not tell what a child process used; Python does. @throws Error with the end of its stderr when it fails. */
export async function measure(argv: string[], env: Record<string, string>): Promise<Cost> {
  const { stdout } = await run('python3', ['-c', WRAPPER, ...argv], { env: { ...process.env, ...env }, maxBuffer: 2 ** 26 })
  return JSON.parse(stdout) as Cost
}

/** Runs each once per round, in an order that is drawn anew for each, and answers all costs by name. */
export async function rounds(
  count: number,
  runs: Record<string, () => Promise<Cost>>,
  note: (line: string) => void,
): Promise<Record<string, Cost[]>> {
  const costs: Record<string, Cost[]> = Object.fromEntries(Object.keys(runs).map((name) => [name, []]))
  for (let round = 1; round <= count; round += 1) {
    for (const name of shuffled(Object.keys(runs))) {
      const cost = await (runs[name] as () => Promise<Cost>)()
      costs[name]?.push(cost)
      note(`round ${round}: ${name} ${cost.seconds.toFixed(2)} s, ${cost.cpuSeconds.toFixed(2)} s of processor`)
    }
  }
  return costs
}

/** The smallest of a figure: what the machine's other work took away is not the program's. */
export const least = (costs: Cost[] | undefined, figure: 'seconds' | 'cpuSeconds' | 'maxRssBytes'): number =>
  Math.min(...(costs ?? []).map((cost) => cost[figure]))

/** Fisher and Yates: every order is as likely. */
function shuffled<T>(items: T[]): T[] {
  const left = [...items]
  return items.flatMap(() => left.splice(Math.floor(Math.random() * left.length), 1))
}
