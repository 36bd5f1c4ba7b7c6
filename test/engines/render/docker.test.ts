import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { render } from '../../../src/engines/render/index.js'
import { argument, inputOf, wordsByBash } from './support.js'

/** Of the user that the published images run as. */
const HOME = '/root'

const words = (...[more]: Parameters<typeof inputOf>) => wordsByBash(render('docker', inputOf(more)))

/** Values of an option, in order. */
const valuesOf = (list: string[], option: string) => list.flatMap((word, at) => (list[at - 1] === option ? [word] : []))

describe('docker run of a candidate', () => {
  test('is the published container, published on this machine only', () => {
    expect(words()).toEqual(
      `run --rm --init --name chat --publish 127.0.0.1:8100:8100
       --device /dev/kfd --device /dev/dri --group-add video --cap-add SYS_PTRACE
       --security-opt seccomp=unconfined --security-opt no-new-privileges --shm-size 32g
       --mount type=bind,src=/data/hf,dst=/data/hf,readonly
       --mount type=volume,src=chat-aiter,dst=${HOME}/.aiter
       --mount type=volume,src=chat-triton,dst=${HOME}/.triton
       --mount type=volume,src=chat-vllm,dst=${HOME}/.cache/vllm
       --env HF_HUB_OFFLINE=1 --env HIP_VISIBLE_DEVICES=2,3 --entrypoint /usr/local/bin/vllm
       vllm/vllm-openai-rocm:v0.32.0
       serve /data/hf/hub/models--a--b/snapshots/0123 --host 0.0.0.0 --port 8100 --block-size=1`.split(/\s+/),
    )
  })

  test('says why it does not share the network of the host, and never takes its IPC or privilege', () => {
    const text = render('docker', inputOf())
    expect(text).toMatch(/^# Endpoint chat: vllm on 2 GPUs \(gfx942\)\.\n# Published on 127\.0\.0\.1 only/)
    expect(text.replace(/^#.*$/gm, '')).not.toMatch(/--privileged|--network|--ipc/)
  })

  test('takes groups by number too', () => {
    expect(valuesOf(words({ groups: ['video', 993] }), '--group-add')).toEqual(['video', '993'])
  })

  test('has shared memory by its GPUs, up to what is published', () => {
    const shm = (count: number) => valuesOf(words({ spec: { gpus: Array.from({ length: count }, (_, at) => at) } }), '--shm-size')
    expect([1, 4, 8, 16].flatMap(shm)).toEqual(['16g', '64g', '128g', '128g'])
  })

  test('on the CPU opens no device and keeps the filter of system calls', () => {
    const list = words({ spec: { gpus: [] }, arch: null, command: { argv: ['/bin/engine'], env: {} } })
    for (const option of ['--device', '--group-add', '--cap-add', '--env']) expect(list).not.toContain(option)
    expect(valuesOf(list, '--security-opt')).toEqual(['no-new-privileges'])
  })

  test('of one machine of a group shares the network of the host, and says so', () => {
    const text = render('docker', inputOf({ spec: { group: { nodes: 2, rank: 1, leader: '10.0.0.1:5000' } } }))
    expect(valuesOf(wordsByBash(text), '--network')).toEqual(['host'])
    expect(text).toMatch(/^# On the network of the host: /m)
    expect(wordsByBash(text)).not.toContain('--publish')
  })

  test('passes any argument, variable and path as it is', () => {
    fc.assert(
      fc.property(fc.array(argument, { maxLength: 4 }), argument, (args, value) => {
        const list = words({ command: { argv: ['/bin/engine', ...args], env: { A: value } } })
        expect(list.slice(list.indexOf('vllm/vllm-openai-rocm:v0.32.0') + 1)).toEqual(args)
        expect(valuesOf(list, '--env')).toContain(`A=${value}`)
      }),
      { numRuns: 100 },
    )
    const spec = { modelPath: '/data, "my" hf:x/m' }
    expect(valuesOf(words({ spec, cachePath: '/data, "my" hf:x' }), '--mount')[0]).toBe(
      'type=bind,"src=/data, ""my"" hf:x","dst=/data, ""my"" hf:x",readonly',
    )
  })
})

describe('what cannot be a container is refused', () => {
  test.each([
    ['no image', { image: null }, 'render'],
    ['another name than an endpoint has', { name: 'a b' }, 'name'],
    ['weights outside of what it mounts', { cachePath: '/data/other' }, 'cachePath'],
    ['weights beside what it mounts', { cachePath: '/data/hf/hub/models--a--b/snapshots/01' }, 'cachePath'],
    ['a way out of what it mounts', { spec: { modelPath: '/data/hf/../secret' } }, 'cachePath'],
    ['a relative folder', { cachePath: 'data' }, 'cachePath'],
    ['an engine that only listens to itself', { bind: { host: '127.0.0.1', port: 8100 } }, 'bind.host'],
  ])('%s', (_, more, field) => {
    for (const kind of ['docker', 'compose', 'k8s'] as const) {
      expect(() => render(kind, inputOf(more))).toThrow(
        expect.objectContaining({ code: 'InvalidInput', details: expect.objectContaining({ field }) }),
      )
    }
    expect(render('command', inputOf(more))).toContain('/usr/local/bin/vllm serve')
  })
})
