import { existsSync } from 'node:fs'
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { scanPartials } from '../../../src/adapters/cache/scan-partials.js'
import { hfProgramSource, type HfProgramOptions } from '../../../src/adapters/sources/hf-program-source.js'
import { removePart } from '../../../src/adapters/weights/journal.js'
import { startChild } from '../../support/children.js'
import { startMisbehavingHub, type MisbehavingHub } from '../../support/misbehaving-hub.js'
import { findPythonHub, hfProgram } from '../../support/python-hub.js'
import { temporaryFolder, writeSampleModel } from '../../support/sample-model.js'
import { until, waitFor } from '../../support/wait-for.js'
import { fileOf, MODEL, pinAt, REPO, same } from './support.js'

const python = await findPythonHub()
const TOKEN = 'hf_secretsecret'

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let hub: MisbehavingHub
let contents: Map<string, Buffer>
let path: string

beforeEach(async () => {
  folder = await temporaryFolder()
  contents = await writeSampleModel(join(folder.path, 'served'), REPO, 3_000_000)
  await writeFile(join(folder.path, 'served', REPO, '--help'), 'no option')
  await mkdir(join(folder.path, 'partials'))
  path = join(folder.path, 'partials', 'x.whole')
  hub = await startMisbehavingHub(join(folder.path, 'served'), { token: TOKEN })
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await hub.close()
  await folder.remove()
})

const source = (options: Partial<HfProgramOptions> = {}) =>
  hfProgramSource({ program: hfProgram(), endpoint: hub.url, token: async () => TOKEN, ...options })
const left = () => readdir(join(folder.path, 'partials'))
const pinned = (name?: string) => pinAt(hub.url, name, TOKEN)

/** A program in place of hf. */
async function script(text: string): Promise<string> {
  const program = join(folder.path, 'program')
  await writeFile(program, `#!/bin/sh\n${text}\n`)
  await chmod(program, 0o755)
  return program
}

describe.skipIf(python === null)('the hf program (needs Python and the package)', { timeout: 120_000 }, () => {
  test.each(['model.safetensors', 'tokenizer/merges.txt'])('brings %s to where it is wanted, and leaves nothing else', async (name) => {
    const { model, file } = await pinned(name)
    expect(await source().available()).toBe(true)
    await source().bring(model, file, path)
    expect(same(await readFile(path), contents.get(name) ?? Buffer.alloc(0))).toBe(true)
    expect(await left()).toEqual(['x.whole'])
  })

  test('takes a name that looks like an option for a name', async () => {
    const { model, file } = await pinned('--help')
    await source().bring(model, file, path)
    expect(await readFile(path, 'utf8')).toBe('no option')
  })

  test('says why it failed, without the token', async () => {
    const { model, file } = await pinned()
    const wrong = source({ token: async () => 'hf_wrongtoken' })
    const failure = await wrong.bring(model, file, path).catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'HubUnreachable' })
    expect(String(failure)).not.toContain('hf_wrongtoken')
    expect(await left()).toEqual([])
  })

  test('is ended by an abort in the middle, and leaves nothing', async () => {
    const { model, file } = await pinned()
    hub.misbehave({ kind: 'stall', after: 1_000_000 }, { path: /safetensors/, method: 'GET' })
    const abort = new AbortController()
    const bringing = source().bring(model, file, path, abort.signal)
    await waitFor('the download', () => hub.sentBytes(/safetensors/) > 0, 60_000)
    abort.abort(new Error('enough'))
    await expect(bringing).rejects.toThrow('enough')
    expect(await left()).toEqual([])
  })
})

describe('a program', () => {
  const file = fileOf(Buffer.from('x'), 'a/b.bin')

  test('that is not there is not available', async () => {
    expect(await source({ program: join(folder.path, 'none') }).available()).toBe(false)
    vi.stubEnv('PATH', folder.path)
    expect(await source({ program: undefined }).available()).toBe(false)
    await writeFile(join(folder.path, 'hf'), '')
    expect(await source({ program: undefined }).available()).toBe(false)
    await chmod(join(folder.path, 'hf'), 0o755)
    expect(await source({ program: undefined }).available()).toBe(true)
  })

  test('gets the token by its environment alone, and nothing else that is secret', async () => {
    vi.stubEnv('HF_TOKEN', 'hf_of_the_worker')
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret')
    const program = await script(`echo "$@" > ${folder.path}/argv; env > ${folder.path}/env; exit 3`)
    await expect(source({ program }).bring(MODEL, file, path)).rejects.toMatchObject({ code: 'HubUnreachable' })
    const argv = await readFile(join(folder.path, 'argv'), 'utf8')
    expect(argv).toBe(`download --revision ${MODEL.commit} --local-dir ${path}.hf -- ${REPO} a/b.bin\n`)
    const env = await readFile(join(folder.path, 'env'), 'utf8')
    expect(env).toContain(`HF_TOKEN=${TOKEN}\n`)
    expect(env).toContain(`HF_ENDPOINT=${hub.url}\n`)
    expect(env).not.toMatch(/of_the_worker|AWS/)
    await source({ program, token: async () => null })
      .bring(MODEL, file, path)
      .catch(() => {})
    expect(await readFile(join(folder.path, 'env'), 'utf8')).not.toContain('HF_TOKEN=')
  })

  test.each([
    ['exits with a failure', 'echo "boom: hf_secretsecret" >&2; exit 7', 'HubUnreachable', 'hf ended with 7: boom: ***'],
    ['dies', 'kill -9 $$', 'HubUnreachable', 'hf ended with SIGKILL: '],
    ['brings nothing', 'exit 0', 'HubProtocol', 'hf brought no a/b.bin'],
    ['brings a link', 'mkdir -p "$5/a" && ln -s /etc/passwd "$5/a/b.bin"', 'HubProtocol', 'hf brought no a/b.bin'],
  ])('that %s is a failure', async (_what, text, code, reason) => {
    await expect(source({ program: await script(text) }).bring(MODEL, file, path)).rejects.toMatchObject({ code, details: { reason } })
    expect(await left()).toEqual([])
  })

  test('that cannot be run is a failure', async () => {
    const program = await script('')
    await writeFile(program, '#!/no/such/interpreter\n')
    await expect(source({ program }).bring(MODEL, file, path)).rejects.toMatchObject({ code: 'HubUnreachable' })
  })

  test('that writes nothing for too long is ended with its children', async () => {
    const program = await script(`sleep 1000 & echo $! > ${folder.path}/child; wait`)
    await expect(source({ program, stallMs: 300 }).bring(MODEL, file, path)).rejects.toMatchObject({ code: 'TransferStalled' })
    const child = Number(await readFile(join(folder.path, 'child'), 'utf8'))
    await until(async () => !(await isRunning(child)))
  })

  test.skipIf(!existsSync('/usr/bin/setpriv'))(
    'ends with the worker that is killed, and its folder is found again',
    { timeout: 90_000 },
    async () => {
      const note = join(folder.path, 'pid')
      const whole = join(folder.path, 'partials', `${file.digest.hex}.whole`)
      const program = await script(`head -c 5000 /dev/zero > "$5/b.bin"; echo $$ > ${note}; exec sleep 1000`)
      const worker = startChild(new URL('../../support/hf-program-child.ts', import.meta.url), [program, hub.url, whole])
      await waitFor('the program', async () => (await readFile(note, 'utf8').catch(() => '')) !== '') // not yet
      const pid = Number(await readFile(note, 'utf8'))
      try {
        expect(await isRunning(pid)).toBe(true)
        await worker.kill('SIGKILL')
        await until(async () => !(await isRunning(pid)))
      } finally {
        if (await isRunning(pid)) process.kill(pid, 'SIGKILL')
      }
      expect(scanPartials(join(folder.path, 'partials'), new Set())).toMatchObject([{ id: file.digest.hex, bytes: 5_000 }])
      await removePart(join(folder.path, 'partials'), file.digest.hex)
      expect(await left()).toEqual([])
    },
  )

  test('that is slow but moves is left alone', async () => {
    const program = await script('mkdir -p "$5/a"; for i in 1 2 3 4 5 6; do sleep 0.2; head -c 5000 /dev/zero >> "$5/a/b.bin"; done')
    await source({ program, stallMs: 1_000 }).bring(MODEL, file, path)
    expect((await readFile(path)).length).toBe(30_000)
  })

  test('finds no trace of one that was killed before it', async () => {
    await mkdir(join(`${path}.hf`, 'a'), { recursive: true })
    await writeFile(join(`${path}.hf`, 'a', 'b.bin'), 'old')
    await expect(source({ program: await script('exit 0') }).bring(MODEL, file, path)).rejects.toMatchObject({ code: 'HubProtocol' })
  })
})

async function isRunning(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '') // gone
  return status !== '' && !/\) Z /.test(status)
}
