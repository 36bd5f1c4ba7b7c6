import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { fileURLToPath } from 'node:url'
import { freePorts } from '../src/config/free-ports.js'
import { loadSettings } from '../src/config/load.js'
import { pathsOf } from '../src/config/paths.js'
import { readStackFile } from '../src/config/stack-file.js'
import { SAMPLE_MODEL, sampleWeights } from '../src/quickstart/sample-weights.js'

const AIM = fileURLToPath(new URL('../src/cli/main.js', import.meta.url))
const run = promisify(execFile)
export const ENDPOINT = 'bench'

/** A whole stack in a folder of its own, with the sample model, driven by the CLI as a person would. */
export async function withSampleStack<T>(
  body: (stack: { address: string; aim: (...argv: string[]) => Promise<string>; deploy: () => Promise<string> }) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'aim-bench-'))
  const { settings } = loadSettings()
  const { dir } = await sampleWeights({ cacheDir: settings.cacheDir })
  const env = { ...process.env, AIM_HOME: join(folder, 'home'), HF_HOME: join(folder, 'hf'), AIM_HUB_DIR: dir, AIM_NODE_ID: 'bench' }
  const aim = async (...argv: string[]) => (await run(process.execPath, [AIM, ...argv], { env, maxBuffer: 2 ** 26 })).stdout
  const { repo, commit, file } = SAMPLE_MODEL
  const deploy = () => aim('deploy', repo, '--name', ENDPOINT, '--ref', commit, '--file', file, '--backend', 'llamacpp', '--yes', '--json')
  try {
    const [temporal, ui, api] = await freePorts(3)
    await aim('up', '--detach', '--temporal-port', `${temporal}`, '--ui-port', `${ui}`, '--api-port', `${api}`)
    const stack = readStackFile(pathsOf(loadSettings(env).settings).stackFile)
    return await body({ address: stack?.address ?? '', aim, deploy })
  } finally {
    await aim('down', '--engines', '--yes')
    rmSync(folder, { recursive: true })
  }
}
