import { execFile, spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { render } from '../../../src/engines/render/index.js'
import { inputOf } from './support.js'

/** Of the user that the published images run as. */
const HOME = '/root'

const run = promisify(execFile)
const hasDocker = spawnSync('docker', ['--version']).status === 0

/** What the command-line program asks its daemon for, in the daemon's own words. */
type Asked = {
  Image: string
  Entrypoint: string[]
  Cmd: string[]
  Env: string[]
  HostConfig: {
    Devices: { PathOnHost: string }[]
    GroupAdd: string[]
    CapAdd: string[]
    SecurityOpt: string[]
    ShmSize: number
    Privileged: boolean
    IpcMode: string
    NetworkMode: string
    PortBindings: Record<string, { HostIp: string; HostPort: string }[]>
    Mounts: { Type: string; Source: string; Target: string; ReadOnly?: boolean }[]
  }
}

// The real `docker`, and a daemon that only listens: what it is asked for is what a container would be.
describe.skipIf(!hasDocker)('docker, given the text by a shell, asks its daemon for', () => {
  test('what the candidate needs, and no more', async () => {
    const asked = await askedFor(render('docker', inputOf({ groups: ['video', 993] })))
    // It keeps variables in a map, whose order is another each time.
    asked.Env.sort()
    expect(asked).toMatchObject({
      Image: 'vllm/vllm-openai-rocm:v0.32.0',
      Entrypoint: ['/usr/local/bin/vllm'],
      Cmd: ['serve', '/data/hf/hub/models--a--b/snapshots/0123', '--host', '0.0.0.0', '--port', '8100', '--block-size=1'],
      Env: ['HF_HUB_OFFLINE=1', 'HIP_VISIBLE_DEVICES=2,3'],
      HostConfig: {
        Devices: [{ PathOnHost: '/dev/kfd' }, { PathOnHost: '/dev/dri' }],
        GroupAdd: ['video', '993'],
        CapAdd: [expect.stringMatching(/^(?:CAP_)?SYS_PTRACE$/)],
        SecurityOpt: ['seccomp=unconfined', 'no-new-privileges'],
        ShmSize: 32 * 2 ** 30,
        Privileged: false,
        IpcMode: '',
        PortBindings: { '8100/tcp': [{ HostIp: '127.0.0.1', HostPort: '8100' }] },
      },
    })
    expect(asked.HostConfig.NetworkMode).not.toBe('host')
    expect(asked.HostConfig.Mounts.map(({ Type, Source, Target, ReadOnly = false }) => [Type, Source, Target, ReadOnly])).toEqual([
      ['bind', '/data/hf', '/data/hf', true],
      ['volume', 'chat-aiter', `${HOME}/.aiter`, false],
      ['volume', 'chat-triton', `${HOME}/.triton`, false],
      ['volume', 'chat-vllm', `${HOME}/.cache/vllm`, false],
    ])
  })

  test('arguments, variables and paths as they were', async () => {
    const words = ["it's", '$(id) `id` ${HOME}', '{"a": "b"}', 'x\ny', '--z=-1', '', '猫 😀', '\\', '-']
    const cachePath = '/data, "my" hf:x'
    const asked = await askedFor(
      render(
        'docker',
        inputOf({
          spec: { modelPath: `${cachePath}/m` },
          cachePath,
          command: { argv: ['/bin/engine', ...words], env: { A: words.join(' ') } },
        }),
      ),
    )
    expect(asked.Cmd).toEqual(words)
    expect(asked.Env).toContain(`A=${words.join(' ')}`)
    expect(asked.HostConfig.Mounts[0]).toMatchObject({ Type: 'bind', Source: cachePath, Target: cachePath, ReadOnly: true })
  })
})

async function askedFor(script: string): Promise<Asked> {
  const folder = await mkdtemp(join(tmpdir(), 'aim-docker-'))
  const socket = join(folder, 'docker.sock')
  let asked: Asked | undefined
  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    const body = await text(request)
    const ping = request.url?.endsWith('/_ping') === true
    if (request.url?.includes('/containers/create')) asked = JSON.parse(body) as Asked
    response.writeHead(ping ? 200 : 500, { 'Api-Version': '1.44', OSType: 'linux', 'content-type': 'application/json' })
    response.end(ping ? 'OK' : '{"message":"this daemon starts nothing"}')
  }
  const daemon = createServer((request, response) => void serve(request, response))
  try {
    await new Promise<void>((resolve) => daemon.listen(socket, resolve))
    const env = { PATH: process.env['PATH'], HOME: folder, DOCKER_HOST: `unix://${socket}` }
    const said = await run('bash', ['-c', script], { env, timeout: 20_000 }).then(
      () => 'nothing',
      (error: unknown) => String(error),
    )
    if (asked === undefined) throw new Error(`docker asked for no container: ${said}`)
    return asked
  } finally {
    daemon.closeAllConnections()
    await new Promise((resolve) => daemon.close(resolve))
    await rm(folder, { recursive: true, force: true })
  }
}
