import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { render } from '../../../src/engines/render/index.js'
import { argument, inputOf } from './support.js'

/** Of the user that the published images run as. */
const HOME = '/root'

type Compose = {
  services: Record<string, { command: string[]; environment: Record<string, string>; [key: string]: unknown }>
  volumes?: unknown
}

const compose = (...[more]: Parameters<typeof inputOf>) => parse(render('compose', inputOf(more))) as Compose

test('a candidate is one service', () => {
  expect(compose()).toEqual({
    name: 'chat',
    services: {
      chat: {
        image: 'vllm/vllm-openai-rocm:v0.32.0',
        init: true,
        restart: 'on-failure:3',
        entrypoint: ['/usr/local/bin/vllm'],
        command: ['serve', '/data/hf/hub/models--a--b/snapshots/0123', '--host', '0.0.0.0', '--port', '8100', '--block-size=1'],
        environment: { HF_HUB_OFFLINE: '1', HIP_VISIBLE_DEVICES: '2,3' },
        ports: [{ target: 8100, published: '8100', host_ip: '127.0.0.1', protocol: 'tcp' }],
        devices: ['/dev/kfd:/dev/kfd', '/dev/dri:/dev/dri'],
        group_add: ['video'],
        cap_add: ['SYS_PTRACE'],
        security_opt: ['seccomp=unconfined', 'no-new-privileges:true'],
        shm_size: '32gb',
        volumes: [
          { type: 'bind', source: '/data/hf', target: '/data/hf', read_only: true, bind: { create_host_path: false } },
          { type: 'volume', source: 'aiter', target: `${HOME}/.aiter` },
          { type: 'volume', source: 'triton', target: `${HOME}/.triton` },
          { type: 'volume', source: 'vllm', target: `${HOME}/.cache/vllm` },
        ],
      },
    },
    volumes: { aiter: { name: 'chat-aiter' }, triton: { name: 'chat-triton' }, vllm: { name: 'chat-vllm' } },
  })
})

test('on the CPU it has no devices and no volumes of its own', () => {
  const found = compose({ spec: { gpus: [] }, arch: null })
  expect(found.services['chat']).not.toHaveProperty('devices')
  expect(found.services['chat']).not.toHaveProperty('cap_add')
  expect(found).not.toHaveProperty('volumes')
})

test('a machine of a group is on the network of the host', () => {
  const { chat } = compose({ spec: { group: { nodes: 2, rank: 0, leader: '10.0.0.1:5000' } } }).services
  expect(chat).toMatchObject({ network_mode: 'host' })
  expect(chat).not.toHaveProperty('ports')
})

test('any argument and variable comes through YAML and interpolation as it was', () => {
  fc.assert(
    fc.property(fc.array(argument, { maxLength: 4 }), argument, (args, value) => {
      const { chat } = compose({ command: { argv: ['/bin/engine', ...args], env: { A: value } } }).services
      expect(chat?.command.map(interpolated)).toEqual(args)
      expect(interpolated(chat?.environment['A'] ?? '')).toBe(value)
    }),
  )
})

/** The compose specification: `$$` is a dollar sign; any other `$` is a variable or an error, and must not be there. */
function interpolated(text: string): string {
  expect(text.replaceAll('$$', '')).not.toContain('$')
  return text.replaceAll('$$', '$')
}
