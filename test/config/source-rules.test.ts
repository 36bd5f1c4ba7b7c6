import { describe, expect, test } from 'vitest'
import { loadSettings } from '../../src/config/load.js'

const load = (env: Record<string, string>) => loadSettings({ AIM_HOME: '/nonexistent', ...env }).settings

describe('what says where weights come from', () => {
  test.each([
    ['AIM_SOURCES', 'peers'],
    ['AIM_SOURCES', 'hub,cdn,s3,mirror,peers'],
    ['AIM_MIRROR', 'http://mirror.lan:8900/hf'],
    ['AIM_CDN', 'https://cdn.example/{repo}/{commit}/{path}'],
    ['AIM_CDN', 'https://cdn.example:8443/blobs/{digest}?download=1'],
    ['AIM_S3', 's3://weights'],
    ['AIM_S3', 's3://my.weights-2/llm/v1/'],
    ['AIM_S3_ENDPOINT', 'http://minio:9000'],
    ['AIM_S3_REGION', 'eu-central-1'],
    ['AIM_S3_PATH_STYLE', 'false'],
    ['AIM_PEER_ADDRESS', 'off'],
    ['AIM_PEER_ADDRESS', '0.0.0.0:8710'],
    ['AIM_PEER_ADDRESS', '[::1]:0'],
    ['AIM_PEER_ADDRESS', 'node-a.cluster.local:8710'],
    ['AIM_PEER_URL', 'http://node-a:8710'],
    ['AIM_PEER_TOKEN', 'file:/run/secrets/peer'],
  ])('takes %s=%s', (name, value) => {
    expect(Object.values(load({ [name]: value }))).toContain(value)
  })

  test.each([
    ['AIM_SOURCES', 'peers,ftp', /"ftp" is no source; known: peers, mirror, s3, hub, cdn/],
    ['AIM_SOURCES', 'peers,', /"" is no source/],
    ['AIM_SOURCES', 'hub,hub', /twice/],
    ['AIM_MIRROR', 'ftp://mirror', /http or https/],
    ['AIM_MIRROR', 'http://user:secret@mirror', /must not hold a user/],
    ['AIM_CDN', 'https://cdn.example/{repo}', /must hold \{path\} or \{digest\}/],
    ['AIM_CDN', 'https://cdn.example/{branch}/{path}', /\{branch\} is unknown/],
    ['AIM_CDN', 'https://{repo}.example/{path}', /host is fixed/],
    ['AIM_CDN', 'https://user:secret@cdn.example/{path}', /without credentials/],
    ['AIM_S3', 'weights/llm', /s3:\/\/bucket/],
    ['AIM_S3', 's3://Weights', /s3:\/\/bucket/],
    ['AIM_S3', 's3://weights/../other', /must not contain/],
    ['AIM_S3_ENDPOINT', 'https://key:secret@minio', /must not hold a user/],
    ['AIM_S3_REGION', 'eu central', /name of a region/],
    ['AIM_S3_PATH_STYLE', 'yes', /true or false/],
    ['AIM_PEER_ADDRESS', '8710', /host:port or off/],
    ['AIM_PEER_ADDRESS', 'host:99999', /host:port or off/],
    ['AIM_PEER_ADDRESS', '[host]:1', /host:port or off/],
    ['AIM_PEER_TOKEN', 'secret', /env:NAME or file:/],
  ])('refuses %s=%s, naming it', (name, value, rule) => {
    expect(() => load({ [name]: value })).toThrow(rule)
    expect(() => load({ [name]: value })).toThrow(name)
  })
})
