import type { NodeInspection } from '../../src/domain/node.js'

/** A large machine on which every backend is ready; what a test is about goes into `change`. */
export function aNode(change: Partial<NodeInspection> = {}): NodeInspection {
  return {
    nodeId: 'node-1',
    hostname: 'node-1',
    cpus: 96,
    memoryTotalBytes: 2 ** 40,
    memoryFreeBytes: 2 ** 39,
    cacheDisk: { path: '/cache', totalBytes: 2 ** 44, freeBytes: 2 ** 43 },
    gpus: [],
    rocm: { driver: null, rocm: null },
    labels: {},
    cachedModels: [],
    problems: [],
    backends: (['vllm', 'sglang', 'llamacpp'] as const).map((backend) => ({ backend, ready: true, version: '1' })),
    peerUrl: null,
    ...change,
  }
}
