import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { complete } from '../../src/cli/commands/complete.js'
import { COMMANDS } from '../../src/cli/commands/index.js'
import { candidatesFor } from '../../src/cli/completion/candidates.js'
import { COMPLETION_SCRIPTS } from '../../src/cli/completion/scripts.js'
import { GLOBAL_OPTIONS } from '../../src/cli/program.js'
import { serving, statusOf, testCli } from './support.js'

const words = (...line: string[]) => {
  const candidates = candidatesFor(line, COMMANDS, GLOBAL_OPTIONS)
  return 'words' in candidates ? candidates.words.map(({ word }) => word) : candidates.kind
}

describe('candidates', () => {
  it('are the verbs first, without the hidden ones', () => {
    expect(words('')).toEqual(expect.arrayContaining(['up', 'deploy', 'hub']) as unknown)
    expect(words('')).not.toContain('__complete')
    expect(words('--json', '')).toContain('status')
  })

  it('are the second words of a group', () => expect(words('hub', '')).toEqual(['serve']))

  it('are the flags of the verb and the global ones', () => {
    expect(words('deploy', 'org/name', '--')).toEqual(expect.arrayContaining(['--context', '-y', '--yes', '--output']) as unknown)
    expect(words('status', '-')).not.toContain('--context')
  })

  it.each([
    [
      ['deploy', 'x', '--backend', ''],
      ['llamacpp', 'vllm', 'sglang', 'custom'],
    ],
    [
      ['status', '-o', ''],
      ['table', 'wide', 'json', 'jsonl', 'yaml', 'name'],
    ],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish'],
    ],
    [['chat', ''], 'endpoint'],
    [['--json', 'logs', '--tail', '5', ''], 'endpoint'],
    [['hub', 'serve', ''], 'directory'],
    [['deploy', 'x', '--recipe', ''], 'recipe'],
    [['deploy', 'x', '--reason', ''], []],
    [['down', ''], []],
  ])('after %j: %j', (line, expected) => expect(words(...line)).toEqual(expected))
})

describe('aim __complete', () => {
  it('looks names up', async () => {
    const { cli, out } = testCli({ client: { endpoints: async () => [statusOf(serving), statusOf({ ...serving, endpoint: 'other' })] } })
    await cli.print(await complete(cli, ['chat', 's']))
    expect(out()).toBe('smol\torg/smol\n')
  })

  it('stays silent when there is nobody to ask', async () => {
    const { cli, out, err } = testCli()
    const offline = { ...cli, connect: () => Promise.reject(new Error('not running')) }
    await cli.print(await complete(offline, ['chat', '']))
    expect(out() + err()).toBe('')
  })
})

describe('the bash script', () => {
  it('offers what `aim __complete` answers to the words so far, without the descriptions', () => {
    const script = `${COMPLETION_SCRIPTS.bash}
      aim() { printf '%s|' "$@" >&2; printf 'smol\\ta model\\nsmart\\nother\\n'; }
      COMP_WORDS=(aim chat sm) COMP_CWORD=2
      exec 2>/dev/null
      _aim
      printf '%s\\n' "\${COMPREPLY[@]}"`
    expect(execFileSync('bash', ['-c', script], { encoding: 'utf8' })).toBe('smol\nsmart\n')
  })
})
