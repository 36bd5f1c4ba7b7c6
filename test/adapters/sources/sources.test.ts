import { describe, expect, test } from 'vitest'
import { createSources } from '../../../src/adapters/sources/sources.js'
import { loadSettings } from '../../../src/config/load.js'
import { fakeHub } from '../../support/fakes.js'

const PEERS = [{ nodeId: 'node-b', url: 'http://127.0.0.1:1' }]
const ALL = {
  AIM_MIRROR: 'http://mirror.lan',
  AIM_S3: 's3://weights/llm',
  AIM_CDN: 'https://cdn.example/{digest}',
  HF_ENDPOINT: 'https://user:secret@hub.example/x/',
}

function created(env: Record<string, string>) {
  return createSources(loadSettings({ AIM_HOME: '/nonexistent', ...env }).settings, fakeHub())
}
const names = (env: Record<string, string>, peers = PEERS) =>
  created(env)
    .sources(peers)
    .map(({ name }) => name)

describe('the order of sources', () => {
  test('is peers, mirror, S3, hub, CDN, of what is configured; no name shows a secret', () => {
    expect(names(ALL)).toEqual([
      'peer node-b',
      'mirror http://mirror.lan',
      's3 s3://weights/llm',
      'hub https://hub.example/x',
      'cdn https://cdn.example',
    ])
    expect(names({})).toEqual(['peer node-b', 'hub https://huggingface.co'])
    expect(names({}, [])).toEqual(['hub https://huggingface.co'])
  })

  test('is what AIM_SOURCES says', () => {
    expect(
      created({ ...ALL, AIM_SOURCES: 'cdn,hub' })
        .sources(PEERS)
        .map(({ kind }) => kind),
    ).toEqual(['cdn', 'hub'])
    expect(
      created({ AIM_SOURCES: 's3,peers,hub' })
        .sources(PEERS)
        .map(({ kind }) => kind),
    ).toEqual(['peer', 'hub'])
  })

  test('is never empty: peers alone are asked also when there are none', () => {
    expect(names({ AIM_SOURCES: 'peers' }, [])).toEqual(['peers'])
    expect(names({ AIM_SOURCES: 'peers,s3' }, [])).toEqual(['peers'])
    expect(names({ ...ALL, AIM_SOURCES: 'peers,s3' }, [])).toEqual(['s3 s3://weights/llm'])
  })

  test('of which nothing is configured is refused', () => {
    expect(() => created({ AIM_SOURCES: 's3,cdn' })).toThrow('AIM_SOURCES: none of s3,cdn is configured: set AIM_S3 or AIM_CDN')
  })

  test('keeps the hf program away where the hub may not be asked', () => {
    expect(created(ALL).programs.map(({ name }) => name)).toEqual(['hf https://hub.example'])
    expect(created({ ...ALL, AIM_SOURCES: 'peers,mirror' }).programs).toEqual([])
  })
})
