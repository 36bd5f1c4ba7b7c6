import { describe, expect, test } from 'vitest'
import { DeployRequest } from '../../src/contracts/deploy.js'
import { isAimError } from '../../src/contracts/errors.js'
import { requestFingerprint } from '../../src/contracts/request-fingerprint.js'
import { validate } from '../../src/contracts/validate.js'

const good = { endpoint: 'chat', model: 'org/name' }

function refusal(change: object): string {
  try {
    validate(DeployRequest, { ...good, ...change })
  } catch (error) {
    if (isAimError(error)) return error.message
    throw error
  }
  throw new Error('was accepted')
}

test('a short request is filled with defaults', () => {
  const fallback = { mode: 'meets', budget: { attempts: 6, minutes: 120 }, approval: { required: false, minutes: 60 } }
  expect(validate(DeployRequest, good)).toEqual({ ...good, fallback, ref: 'main', objective: 'balanced', dryRun: false })
})

describe('bad input names the field and the rule', () => {
  test.each([
    ['an unknown field', { gpu: 8 }, /^gpu: is not a known field/],
    ['a wrong type', { port: '8100' }, /^port: .*number/],
    ['a privileged port', { port: 80 }, /^port: must be 1024 or higher/],
    ['an unknown objective', { objective: 'cheap' }, /^objective: .*balanced.*cost/],
    ['an unknown precision', { precisions: ['fp16'] }, /^precisions\.0: .*bf16/],
    ['no precision at all', { precisions: [] }, /^precisions: must name at least one/],
    ['a fleet for one replica', { gpus: 65 }, /^gpus: must be 64 or lower/],
    ['nobody at a time', { concurrency: 0 }, /^concurrency: must be 1 or higher/],
    ['a price of nothing', { maxPricePerHour: 0 }, /^maxPricePerHour: must be above 0/],
    ['a label that is no text', { labels: { zone: 1 } }, /^labels\.zone: .*string/],
    ['consent to code by the request', { remoteCode: true }, /^remoteCode: is not a known field/],
    ['an unknown backend', { backend: 'tgi' }, /^backend: .*llamacpp.*vllm/],
    ['a model like a path', { model: '../../etc/passwd' }, /^model: must be a repository/],
    ['an absolute path', { model: '/etc/passwd' }, /^model: must be a repository/],
    ['a model for a shell', { model: 'org/name; rm -rf ~' }, /^model: must be a repository/],
    ['a substituted command', { model: 'org/$(id)' }, /^model: must be a repository/],
    ['a model that climbs', { model: 'org/..name' }, /^model: /],
    ['a flag as a model', { model: '--help/x' }, /^model: /],
    ['a file outside the repository', { file: '../secret.gguf' }, /^file: must be a relative path inside/],
    ['a file with a NUL', { file: 'a\u0000.gguf' }, /^file: must be a relative path inside/],
    ['an endpoint like a path', { endpoint: 'a/b' }, /^endpoint: must be 1 to 63/],
    ['a ref that climbs', { ref: 'main/../x' }, /^ref: must not contain/],
  ])('%s', (_, change, expected) => {
    expect(refusal(change)).toMatch(expected)
  })

  test('all broken rules are told, the first one first', () => {
    expect(refusal({ port: 80, gpu: 8 })).toMatch(/port: .*; gpu: is not a known field/)
  })
})

test('why a deploy is made does not make it another deploy', () => {
  const request = validate(DeployRequest, good)
  expect(requestFingerprint({ ...request, reason: 'because' })).toBe(requestFingerprint(request))
  expect(requestFingerprint({ ...request, context: 4096 })).not.toBe(requestFingerprint(request))
})
