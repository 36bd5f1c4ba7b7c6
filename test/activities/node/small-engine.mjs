// An engine as small as it gets, for faults that end or stop a whole process: `node small-engine.mjs busy|idle|plain`.
import { createServer } from 'node:http'

const kind = process.argv[2]
let tokens = 0
const server = createServer((request, response) => {
  if (request.url === '/metrics') {
    if (kind === 'plain') return response.writeHead(404).end()
    const running = kind === 'idle' ? 0 : 1
    if (kind === 'busy') tokens += 1
    return response.end(`vllm:num_requests_running{e="0"} ${running}\nvllm:generation_tokens_total{e="0"} ${tokens}\n`)
  }
  // Its one place is taken by somebody else's long request.
  if (request.url === '/v1/chat/completions' && kind !== 'busy' && kind !== 'stuck') {
    tokens += 1
    return response.end(JSON.stringify({ choices: [{ message: { content: 'hello' } }], usage: { completion_tokens: 1 } }))
  }
  if (request.url === '/health') return response.end()
})
server.listen(0, '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`))
