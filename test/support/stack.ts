import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compiledFile } from '../../src/adapters/compiled.js'
import { loadSettings } from '../../src/config/load.js'
import { pathsOf } from '../../src/config/paths.js'
import { readStackFile, type StackFile } from '../../src/config/stack-file.js'
import type { EndpointView } from '../../src/contracts/endpoint.js'
import { launcherOf } from '../../src/worker/local-engines.js'
import { freePorts } from '../../src/config/free-ports.js'
import { placeEmptyDatabase } from './empty-database.js'
import { waitFor } from './wait-for.js'

export type Ended = { code: number | null; stdout: string; stderr: string }

/** The built program in a folder of its own, driven as a person drives it. */
export class Stack {
  private constructor(
    readonly folder: string,
    readonly env: NodeJS.ProcessEnv,
    readonly ports: number[],
  ) {}

  /** Not started yet: `up` does. `env` may set the hub and the cache. `bare`: its first start is one on a new machine. */
  static async create(env: NodeJS.ProcessEnv = {}, { bare = false } = {}): Promise<Stack> {
    const folder = mkdtempSync(join(tmpdir(), 'aim-e2e-'))
    const recipes = oneThreadRecipes(folder)
    const own = {
      AIM_HOME: join(folder, 'home'),
      HF_HOME: join(folder, 'hf'),
      AIM_NODE_ID: 'e2e',
      AIM_RECIPES: recipes,
      NO_COLOR: '1',
      AIM_E2E: folder,
    }
    const [engines = 0] = await freePorts(1)
    const clean = Object.fromEntries(
      Object.entries(process.env).filter(
        ([name]) => !/^(AIM_|HF_|TEMPORAL_|DATABASE_URL)/.test(name) || name === 'AIM_CACHE_DIR' || name === 'AIM_CI_RUN',
      ),
    )
    const stack = new Stack(folder, { ...clean, ...own, AIM_ENGINE_PORTS: `${engines}-${engines + 20}`, ...env }, await freePorts(3))
    if (!bare) await placeEmptyDatabase(pathsOf(stack.settings()).database)
    return stack
  }

  async up(): Promise<void> {
    const [temporal, ui, api] = this.ports
    const { code, stderr } = await this.aim(
      'up',
      '--detach',
      '--temporal-port',
      `${temporal}`,
      '--ui-port',
      `${ui}`,
      '--api-port',
      `${api}`,
    )
    if (code !== 0) throw new Error(`aim up ended with ${code}: ${stderr}\n${this.log()}`)
  }

  /** Runs `aim` to its end. */
  async aim(...argv: string[]): Promise<Ended> {
    return ended(this.start(...argv))
  }

  /** Starts `aim` and leaves it running. */
  start(...argv: string[]): ChildProcess {
    return spawn(process.execPath, [compiledFile('cli/main.js'), ...argv], { env: this.env, stdio: ['ignore', 'pipe', 'pipe'] })
  }

  /** What `aim status NAME` answers; null when there is no such endpoint. */
  async view(endpoint: string): Promise<EndpointView | null> {
    const { code, stdout } = await this.aim('status', endpoint, '--json')
    if (code === 5) return null
    return (JSON.parse(stdout) as { view: EndpointView | null }).view
  }

  running(): StackFile {
    const stack = readStackFile(pathsOf(this.settings()).stackFile)
    if (stack === null) throw new Error(`the stack does not run\n${this.log()}`)
    return stack
  }

  /** Ends the stack's process as a power cut would. Its engines and its files stay. */
  async kill(): Promise<void> {
    const { pid } = this.running()
    process.kill(pid, 'SIGKILL')
    await waitFor('the end of the stack', () => readStackFile(pathsOf(this.settings()).stackFile) === null)
  }

  engines() {
    return launcherOf(this.settings()).list()
  }

  settings() {
    return loadSettings(this.env).settings
  }

  log(): string {
    return readFileSync(pathsOf(this.settings()).stackLog, 'utf8')
  }

  /** Processes that carry this stack's mark: workers, Temporal, engines. */
  processes(): { pid: number; command: string }[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name) && name !== `${process.pid}`)
      .flatMap((pid) => {
        try {
          if (!readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`AIM_E2E=${this.folder}`) && !this.holds(pid)) return []
          return [{ pid: Number(pid), command: readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ') }]
        } catch {
          return [] // it ended while we looked
        }
      })
      .filter(({ command }) => command !== '')
  }

  /** Undeploys everything, ends the stack, and removes its folder. Fails when a process is left. */
  async destroy(): Promise<void> {
    if (readStackFile(pathsOf(this.settings()).stackFile) !== null) {
      const { code, stderr } = await this.aim('down', '--engines', '--yes')
      if (code !== 0) throw new Error(`aim down ended with ${code}: ${stderr}\n${this.log()}`)
    }
    const left = await waitFor('the end of all processes', () => this.processes().length === 0 && [], 15_000).catch(() => this.processes())
    for (const { pid } of left) process.kill(pid, 'SIGKILL')
    rmSync(this.folder, { recursive: true, force: true })
    if (left.length > 0) throw new Error(`left running: ${JSON.stringify(left)}`)
  }

  /** Engines get a cleaned environment; their arguments name our folder. */
  private holds(pid: string): boolean {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(this.folder)
  }
}

/** Our recipe with one thread: the other processes of a test need a core as well. */
function oneThreadRecipes(folder: string): string {
  const recipes = join(folder, 'recipes')
  mkdirSync(join(recipes, 'any'), { recursive: true })
  const recipe = 'model: "*"\nbackend: llamacpp\nformat: gguf\nhardware: { kind: cpu }\nargs: { threads: 1 }\nsource: a test\n'
  writeFileSync(join(recipes, 'any', 'llamacpp-cpu.yaml'), recipe)
  return recipes
}

export async function ended(child: ChildProcess): Promise<Ended> {
  let [stdout, stderr] = ['', '']
  child.stdout?.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
  child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, stdout, stderr }
}
