import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { chat } from '../../../src/cli/commands/chat.js'
import { serving, statusOf, testCli } from '../support.js'

const NODE = { AIM_NODE_ID: 'node-1', AIM_HOME: '/nonexistent' }

let server: Server
let url: string
let answer: (response: ServerResponse) => void
let asked: { path: string | undefined; body: Record<string, unknown> }[]

beforeEach(async () => {
  asked = []
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = JSON.parse(await text(request)) as Record<string, unknown>
    asked.push({ path: request.url, body })
    answer(response)
  }
  server = createServer((request, response) => void serve(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterEach(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

const event = (data: unknown): string => `data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`
const delta = (content: string, finish: string | null = null) => ({ choices: [{ delta: { content }, finish_reason: finish }] })
const client = () => ({ endpoint: async () => statusOf({ ...serving, replica: { ...serving.replica!, url } }) })
const ask = (options: Parameters<typeof testCli>[0] = {}) => testCli({ client: client(), env: NODE, ...options })

describe('chat', () => {
  it('prints the answer as it comes, also when characters are split between packets', async () => {
    answer = (response) => {
      const bytes = Buffer.from(
        event(delta('Grüß')) + event(delta(' Gott', 'stop')) + event({ choices: [], usage: { completion_tokens: 2 } }) + event('[DONE]'),
      )
      const middle = bytes.indexOf(0xc3) + 1
      response.write(bytes.subarray(0, middle))
      setTimeout(() => response.end(bytes.subarray(middle)), 20)
    }
    const { cli, out, err } = ask({ flags: { verbose: true } })
    await cli.print(await chat(cli, ['smol', 'Hello'], { stream: true, system: 'Be kind.', maxTokens: 9, temperature: 0 }))
    expect(out()).toBe('Grüß Gott\n')
    expect(err()).toMatch(/^\(2 tokens in .*, first after .* tokens\/s\)\n$/)
    expect(asked).toEqual([
      {
        path: '/v1/chat/completions',
        body: {
          model: 'smol',
          messages: [
            { role: 'system', content: 'Be kind.' },
            { role: 'user', content: 'Hello' },
          ],
          stream: true,
          stream_options: { include_usage: true },
          max_tokens: 9,
          temperature: 0,
        },
      },
    ])
  })

  it('is one object in JSON, from an answer that is not streamed', async () => {
    answer = (response) =>
      response.end(JSON.stringify({ choices: [{ message: { content: 'Hi' }, finish_reason: 'length' }], usage: { completion_tokens: 1 } }))
    const { cli, out, err } = ask({ flags: { json: true } })
    await cli.print(await chat(cli, ['smol', 'Hello'], { stream: true }))
    expect(JSON.parse(out())).toMatchObject({ endpoint: 'smol', model: 'smol', text: 'Hi', finishReason: 'length', tokens: 1 })
    expect(err()).toContain('cut at its length limit')
    expect(asked[0]?.body['stream']).toBe(false)
  })

  it('reads the prompt from a pipe, and asks for one when there is none', async () => {
    answer = (response) => response.end(event(delta('ok')) + event('[DONE]'))
    const piped = ask({ stdin: 'from a file\n' })
    await chat(piped.cli, ['smol'], { stream: true })
    expect(asked[0]?.body['messages']).toEqual([{ role: 'user', content: 'from a file' }])
    await expect(chat(ask({ stdin: '' }).cli, ['smol'], { stream: true })).rejects.toMatchObject({
      code: 'InvalidInput',
      details: { field: 'PROMPT' },
    })
  })

  it('does not take a stream that breaks off for an answer', async () => {
    answer = (response) => response.end(event(delta('half an')))
    await expect(chat(ask().cli, ['smol', 'Hello'], { stream: true })).rejects.toThrow('broke off')
  })

  it("gives the engine's own words for a refusal, before and inside a stream", async () => {
    answer = (response) => response.writeHead(400).end(JSON.stringify({ error: { message: 'context is too long' } }))
    await expect(chat(ask().cli, ['smol', 'Hello'], { stream: true })).rejects.toThrow('HTTP 400: context is too long')
    answer = (response) => response.end(event({ error: { message: 'out of memory' } }))
    await expect(chat(ask().cli, ['smol', 'Hello'], { stream: true })).rejects.toThrow('out of memory')
  })

  it('does not let an answer drive the terminal, and leaves it alone in a pipe', async () => {
    answer = (response) => response.end(event(delta('\u001b[2Jx')) + event('[DONE]'))
    const terminal = ask({ columns: 80 })
    await chat(terminal.cli, ['smol', 'Hello'], { stream: true })
    expect(terminal.out()).toBe('\\x1b[2Jx\n')
    const pipe = ask()
    await chat(pipe.cli, ['smol', 'Hello'], { stream: true })
    expect(pipe.out()).toBe('\u001b[2Jx\n')
  })

  it('says where to ask when only another machine can reach it', async () => {
    const elsewhere = ask({ env: { ...NODE, AIM_NODE_ID: 'node-2' } })
    await expect(chat(elsewhere.cli, ['smol', 'Hello'], { stream: true })).rejects.toMatchObject({
      code: 'OtherNode',
      details: { node: 'node-1', here: 'node-2' },
    })
  })

  it('says why an endpoint does not answer yet', async () => {
    const { cli } = testCli({ client: { endpoint: async () => statusOf({ ...serving, phase: 'deploying', replica: null }) }, env: NODE })
    await expect(chat(cli, ['smol', 'Hello'], { stream: true })).rejects.toThrow('the endpoint is deploying')
  })
})
