import type { AimClient } from '../client/types.js'
import { AimError } from '../contracts/errors.js'

type Asked = { endpoint: string; node?: string | undefined; port?: number | undefined }

/**
 * A port that another endpoint serves on is found out before weights are fetched for it. Where the node is not known yet, the deploy finds out.
 * @throws AimError `InvalidInput` naming that endpoint.
 */
export async function refuseTakenPort(client: AimClient, { endpoint, node, port }: Asked): Promise<void> {
  if (port === undefined) return
  const [nodes, endpoints] = await Promise.all([client.nodes(), client.endpoints()])
  const place = node ?? (nodes.length === 1 ? nodes[0] : undefined)
  const holder = endpoints.find((other) => {
    const replica = other.view?.replica
    return other.endpoint !== endpoint && replica?.nodeId === place && replica?.spec.port === port
  })
  if (holder === undefined) return
  throw new AimError('InvalidInput', { field: '--port', rule: `${port} on ${place} is that of endpoint ${holder.endpoint}` })
}
