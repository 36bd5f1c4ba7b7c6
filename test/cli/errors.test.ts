import { CommanderError } from 'commander'
import { describe, expect, it } from 'vitest'
import { errorJson, errorText, UsageError } from '../../src/cli/errors.js'
import { EXIT_CODES, exitCodeOf } from '../../src/cli/exit-codes.js'
import { plainPaint } from '../../src/cli/output/style.js'
import { AimError, ERRORS, type ErrorCode } from '../../src/contracts/errors.js'

const usage = new UsageError(
  new CommanderError(1, 'commander.unknownOption', "error: unknown option '--nam'\n(Did you mean --name?)"),
  'aim deploy',
)

describe('errorText', () => {
  it('says what, the evidence that the message lacks, and the fix', () => {
    const error = new AimError('DiskFull', { path: '/cache', needed: 10, free: 5, evictable: 3, file: 'model.gguf' })
    expect(errorText(error, plainPaint)).toBe(
      'error[DiskFull]: /cache needs 10 bytes and has 5; 3 could be evicted\n  file: model.gguf\nfix: aim cache prune, free space on the cache volume, or move HF_HOME\n',
    )
  })

  it('says the next step that fits better than the table’s, where there is one, once', () => {
    const error = new AimError('NotFound', { what: 'a question of endpoint chat', next: 'what it does now: aim status chat' })
    expect(errorText(error, plainPaint)).toBe(
      'error[NotFound]: a question of endpoint chat does not exist\nfix: what it does now: aim status chat\n',
    )
  })

  it('keeps causes and stacks for --verbose', () => {
    const error = new AimError('TemporalUnreachable', { address: 'x:1' }, { cause: new Error('connection refused') })
    expect(errorText(error, plainPaint)).not.toContain('connection refused')
    expect(errorText(error, plainPaint, true)).toContain('caused by: Error: connection refused')
  })

  it('turns a usage error into a hint and the help to ask for', () => {
    expect(errorText(usage, plainPaint)).toBe(
      "error[InvalidInput]: unknown option '--nam'\n  hint: Did you mean --name?\nfix: aim deploy --help\n",
    )
  })

  it('shows the unexpected as Internal', () => {
    expect(errorText(new TypeError('boom'), plainPaint)).toMatch(/^error\[Internal\]: boom\nfix: .*AIM_DEBUG=1/)
  })

  it('does not let the words of others drive the terminal', () => {
    expect(errorText(new AimError('HubProtocol', { hub: 'h', what: 'w', reason: '\u001b[2J' }), plainPaint, true)).not.toContain('\u001b')
  })
})

describe('errorJson', () => {
  it('is one object on one line', () => {
    const text = errorJson(new AimError('NotFound', { what: 'endpoint x' }))
    expect(text.trimEnd()).not.toContain('\n')
    expect(JSON.parse(text)).toEqual({
      error: { code: 'NotFound', message: 'endpoint x does not exist', details: { what: 'endpoint x' }, fix: 'aim status' },
    })
  })
})

describe('exit codes', () => {
  it('of every error is one that the help explains', () => {
    const unknown = (Object.keys(ERRORS) as ErrorCode[]).filter((code) => !(exitCodeOf(new AimError(code)) in EXIT_CODES))
    expect(unknown).toEqual([])
  })

  it.each<[unknown, number]>([
    [usage, 2],
    [new AimError('NoCandidate', { reasons: '' }), 3],
    [new AimError('HubAuth'), 4],
    [new AimError('ModelNotFound'), 5],
    [new AimError('Timeout'), 8],
    [new Error('unexpected'), 1],
  ])('%s ends with %d', (error, code) => expect(exitCodeOf(error)).toBe(code))
})
