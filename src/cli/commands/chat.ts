import { text as readAll } from 'node:stream/consumers'
import type { Replica } from '../../contracts/endpoint.js'
import { AimError } from '../../contracts/errors.js'
import { complete, type ChatAnswer, type ChatMessage } from '../chat-completion.js'
import type { Cli } from '../cli.js'
import { isLoopback } from '../endpoint-url.js'
import { checkedName } from '../endpoint-name.js'
import { knownEndpoint } from '../known-endpoint.js'
import { silentReport, type Report } from '../output/report.js'
import { visible } from '../output/sanitize.js'
import { duration } from '../output/units.js'

export type ChatOptions = { system?: string; maxTokens?: number; temperature?: number; stream: boolean }

export async function chat(cli: Cli, [name = '', prompt]: string[], options: ChatOptions): Promise<Report> {
  const endpoint = checkedName(name)
  const { stdout } = cli.terminal
  const asked = await promptOf(cli, prompt)
  const replica = await servingReplica(cli, endpoint)
  const messages: ChatMessage[] = [
    ...(options.system === undefined ? [] : [{ role: 'system' as const, content: options.system }]),
    { role: 'user', content: asked },
  ]
  // A model's answer must not drive the terminal; a program that reads it gets it as it is.
  const shown = (text: string): string => (stdout.isTTY ? visible(text, 'lines') : text)
  const streams = options.stream && (cli.format === 'table' || cli.format === 'wide' || cli.format === 'jsonl')
  const answer = await complete(replica, {
    endpoint,
    messages,
    stream: streams,
    ...(options.maxTokens !== undefined && { maxTokens: options.maxTokens }),
    ...(options.temperature !== undefined && { temperature: options.temperature }),
    onText: (text) => stdout.write(cli.format === 'jsonl' ? `${JSON.stringify({ delta: text })}\n` : shown(text)),
  })
  const notes = notesOf(answer, cli.flags.verbose === true)
  if (!streams) return { data: { endpoint, ...answer }, names: [shown(answer.text)], text: () => `${shown(answer.text)}\n`, notes }
  if (cli.format === 'jsonl') return { ...silentReport(0, notes), data: { endpoint, ...answer } }
  stdout.write('\n')
  return silentReport(0, notes)
}

async function promptOf({ terminal }: Cli, prompt: string | undefined): Promise<string> {
  if (prompt !== undefined && prompt !== '-') return prompt
  if (terminal.stdin.isTTY) throw new AimError('InvalidInput', { field: 'PROMPT', rule: 'is missing: give it in quotes, or pipe it in' })
  const piped = (await readAll(terminal.stdin)).trim()
  if (piped === '') throw new AimError('InvalidInput', { field: 'PROMPT', rule: 'stdin is empty' })
  return piped
}

/** Throws NotFound, EngineNotAnswering when the endpoint is not serving, OtherNode when only its own machine can reach it. */
async function servingReplica(cli: Cli, endpoint: string): Promise<Replica> {
  const { view, problem } = await knownEndpoint(await cli.connect(), endpoint)
  if (view === null) throw new AimError('EngineNotAnswering', { reason: problem ?? 'the endpoint does not say where it is', endpoint })
  if (view.replica === null)
    throw new AimError('EngineNotAnswering', {
      reason: `the endpoint is ${view.phase}${view.reason === null ? '' : `: ${view.reason}`}`,
      endpoint,
    })
  const { settings } = await cli.configuration()
  const { nodeId, url } = view.replica
  if (nodeId !== settings.nodeId && isLoopback(url)) {
    throw new AimError('OtherNode', {
      what: `${endpoint} listens on loopback; it`,
      node: nodeId,
      here: settings.nodeId,
      command: `aim chat ${endpoint}`,
    })
  }
  return view.replica
}

function notesOf({ finishReason, tokens, firstTokenMs, ms }: ChatAnswer, verbose: boolean): string[] {
  const cut = finishReason === 'length' ? ['(cut at its length limit; --max-tokens sets it)'] : []
  const first = firstTokenMs === null ? '' : `, first after ${duration(firstTokenMs)}`
  const rate = tokens === null || ms === 0 ? '' : `, ${((tokens * 1000) / ms).toFixed(1)} tokens/s`
  return verbose ? [...cut, `(${tokens ?? '?'} tokens in ${duration(ms)}${first}${rate})`] : cut
}
