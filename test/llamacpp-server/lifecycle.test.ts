import { mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { events, runServer, spawnServer, startServer, type RunningServer } from '../support/llamacpp-server.js'
import { smollm2 } from '../support/smollm2.js'

vi.setConfig({ testTimeout: 120_000 })

let model: string
let dir: string

beforeAll(async () => {
  model = await smollm2()
  dir = await mkdtemp(join(tmpdir(), 'aim-llamacpp-'))
}, 300_000)

afterAll(() => rm(dir, { recursive: true, force: true }))

const stream = (server: RunningServer, maxTokens: number): Promise<Response> =>
  server.post('/v1/completions', { prompt: 'one two three', temperature: 0, max_tokens: maxTokens, ignore_eos: true, stream: true })

describe('SIGTERM', () => {
  test('when idle it ends at once with 0, and its port is closed', async () => {
    const server = await startServer(model, '--threads', '1', '--context', '256')
    expect((await fetch(`${server.url}/health`)).status).toBe(200) // leaves a connection open, which must not hold it up
    const asked = performance.now()
    server.signal('SIGTERM')
    expect((await server.ended).code).toBe(0)
    expect(performance.now() - asked).toBeLessThan(3000)
    await expect(fetch(`${server.url}/health`)).rejects.toThrow('fetch failed')
  })

  test('a running answer is finished, new ones are refused with 503', async () => {
    const server = await startServer(model, '--threads', '1', '--context', '256')
    const running = await stream(server, 50)
    server.signal('SIGTERM')
    await expect.poll(() => server.log.join('\n'), { interval: 10, timeout: 20_000 }).toMatch(/SIGTERM: stopping, 1 requests running/)
    const [health, refused] = await Promise.all([fetch(`${server.url}/health`), stream(server, 5)])
    expect([health.status, refused.status]).toEqual([503, 503])
    expect(await refused.json()).toMatchObject({ error: { code: 'stopping' } })
    expect((await events(running)).at(-1)).toBeNull()
    expect((await server.ended).code).toBe(0)
  })

  test('an answer that takes too long is cut off and says so', async () => {
    const server = await startServer(model, '--threads', '1', '--context', '8192', '--parallel', '1')
    const running = await stream(server, 8000)
    server.signal('SIGTERM')
    const all = await events(running)
    expect(all.at(-1)).toMatchObject({ error: { code: 'stopping' } })
    expect(all).not.toContain(null)
    expect((await server.ended).code).toBe(0)
  })

  test('while loading it ends with 0 and never says that it is ready', async () => {
    const { child, log, ended } = spawnServer(['--model', model, '--served-model-name', 'smol', '--port', '0'])
    await expect.poll(() => log.join('\n'), { interval: 10, timeout: 20_000 }).toMatch(/ loading /)
    child.kill('SIGTERM')
    expect((await ended).code).toBe(0)
    expect(log.join('\n')).toMatch(/SIGTERM: stopped while loading$/)
  })
})

describe('what cannot be served ends with 1 and one line that says why', () => {
  async function refused(file: string, ...flags: string[]): Promise<string> {
    const { code, stderr } = await runServer('--model', file, '--served-model-name', 'smol', '--port', '0', ...flags)
    expect(code).toBe(1)
    expect(stderr).toHaveLength(1)
    return stderr[0] as string
  }

  test('no such file', async () => {
    expect(await refused(join(dir, 'absent.gguf'))).toMatch(/error: cannot load .*absent\.gguf: no such file/)
  })

  test('a folder', async () => {
    expect(await refused(dir)).toMatch(/not a file/)
  })

  test('a file that is no GGUF', async () => {
    const file = join(dir, 'text.gguf')
    await writeFile(file, 'this is not a model\n'.repeat(1000))
    expect(await refused(file)).toMatch(/error: cannot load .*text\.gguf: .*GGUF/i)
  })

  test('a GGUF that was cut short', async () => {
    const file = join(dir, 'short.gguf')
    const source = await open(model)
    const { buffer } = await source.read(Buffer.alloc(20_000_000), 0, 20_000_000, 0)
    await source.close()
    await writeFile(file, buffer)
    expect(await refused(file)).toMatch(/error: cannot load .*short\.gguf: .*(bounds|corrupt|incomplete)/)
  })

  test('a context longer than the model knows', async () => {
    expect(await refused(model, '--context', '9000')).toMatch(/--context 9000 is longer than the 8192 tokens/)
  })

  test('a port that is taken', async () => {
    const holder = createServer().listen(0, '127.0.0.1')
    await new Promise((listening) => holder.once('listening', listening))
    const { port } = holder.address() as AddressInfo
    expect(await refused(model, '--context', '256', '--port', String(port))).toMatch(/EADDRINUSE.*127\.0\.0\.1/)
    holder.close()
  })
})

test('a flag that does not exist ends with 2 and its name', async () => {
  const { code, stderr } = await runServer('--model', model, '--served-model-name', 'smol', '--tensor-parallel-size', '8')
  expect(code).toBe(2)
  expect(stderr.join('\n')).toMatch(/llamacpp-server: error: .*--tensor-parallel-size/)
})
