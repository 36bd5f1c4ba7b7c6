import { createHash } from 'node:crypto'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { gitSha1, sha256 } from './sample-model.js'

export type MemoryHub = { url: string; requests: string[]; close(): Promise<void> }

/** A hub with one model in memory: for so many files that a server of folders would be what is measured. Names are listed as they are, hostile ones too. */
export async function startMemoryHub(repo: string, files: Map<string, Buffer>): Promise<MemoryHub> {
  const requests: string[] = []
  const commit = createHash('sha1')
    .update([...files.keys()].join('\n'))
    .digest('hex')
  const siblings = [...files].map(([rfilename, content]) => {
    const large = rfilename.endsWith('.safetensors')
    return {
      rfilename,
      size: content.length,
      blobId: gitSha1(content),
      ...(large && { lfs: { sha256: sha256(content), size: content.length } }),
    }
  })
  const listing = JSON.stringify({ sha: commit, siblings })
  const prefix = `/${repo}/resolve/${commit}/`

  const server = http.createServer((request, response) => {
    const path = request.url ?? ''
    requests.push(`${request.method} ${path}`)
    if (path.startsWith(`/api/models/${repo}/revision/`))
      return void response.writeHead(200, { 'content-type': 'application/json' }).end(listing)
    const content = path.startsWith(prefix) ? files.get(decodeURIComponent(path.slice(prefix.length))) : undefined
    if (content === undefined) return void response.writeHead(404, { 'content-length': 0 }).end()
    const [, start, end] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? []
    const part = start === undefined ? content : content.subarray(Number(start), Number(end) + 1)
    const range = start === undefined ? {} : { 'content-range': `bytes ${start}-${end}/${content.length}` }
    response.writeHead(start === undefined ? 200 : 206, { 'content-length': part.length, 'x-repo-commit': commit, ...range })
    response.end(request.method === 'HEAD' ? undefined : part)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
