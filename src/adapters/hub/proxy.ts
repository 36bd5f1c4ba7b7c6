import http from 'node:http'
import https from 'node:https'
import { HttpProxyAgent } from 'http-proxy-agent'
import { HttpsProxyAgent } from 'https-proxy-agent'
import { getProxyForUrl } from 'proxy-from-env'

/** The proxy that the environment names for this address (HTTP_PROXY, HTTPS_PROXY, NO_PROXY, also in lower case); null: none. */
export function proxyFor(url: URL): string | null {
  return getProxyForUrl(url.href) || null
}

export type AgentFor = (url: URL) => http.Agent

/** Keep-alive agents, one for each protocol and proxy. */
export function createAgents(proxyOf: (url: URL) => string | null = proxyFor): AgentFor {
  const agents = new Map<string, http.Agent>()
  return (url) => {
    const proxy = proxyOf(url)
    const key = `${url.protocol} ${proxy ?? ''}`
    const agent = agents.get(key) ?? createAgent(url, proxy)
    agents.set(key, agent)
    return agent
  }
}

function createAgent({ protocol }: URL, proxy: string | null): http.Agent {
  const keep = { keepAlive: true }
  if (protocol === 'https:') return proxy === null ? new https.Agent(keep) : new HttpsProxyAgent(proxy, keep)
  return proxy === null ? new http.Agent(keep) : new HttpProxyAgent(proxy, keep)
}
