import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { render } from '../../../src/engines/render/index.js'
import { argument, inputOf } from './support.js'

/** Of the user that the published images run as. */
const HOME = '/root'

type Container = { args: string[]; env: { name: string; value: string }[]; [key: string]: unknown }
type Deployment = { spec: { template: { spec: { containers: [Container]; [key: string]: unknown } } } }

function manifest(...[more]: Parameters<typeof inputOf>) {
  const [deployment, service] = parseAllDocuments(render('k8s', inputOf(more))).map((document) => document.toJS() as unknown)
  const pod = (deployment as Deployment).spec.template.spec
  return { deployment, service, pod, container: pod.containers[0] }
}

const labels = { 'app.kubernetes.io/name': 'aim-engine', 'app.kubernetes.io/instance': 'chat' }

describe('a candidate on Kubernetes', () => {
  test('is a Deployment that AMD’s device plugin gives its GPUs', () => {
    expect(manifest().deployment).toEqual({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'chat', labels, annotations: { 'aim-engine/served-name': 'chat', 'aim-engine/arch': 'gfx942' } },
      spec: {
        replicas: 1,
        strategy: { type: 'Recreate' },
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            automountServiceAccountToken: false,
            enableServiceLinks: false,
            terminationGracePeriodSeconds: 60,
            containers: [
              {
                name: 'engine',
                image: 'vllm/vllm-openai-rocm:v0.32.0',
                command: ['/usr/local/bin/vllm'],
                args: ['serve', '/data/hf/hub/models--a--b/snapshots/0123', '--host', '0.0.0.0', '--port', '8100', '--block-size=1'],
                env: [{ name: 'HF_HUB_OFFLINE', value: '1' }],
                ports: [{ name: 'http', containerPort: 8100 }],
                resources: { limits: { 'amd.com/gpu': 2 } },
                startupProbe: { httpGet: { path: '/health', port: 'http' }, periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 360 },
                readinessProbe: { httpGet: { path: '/health', port: 'http' }, periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 3 },
                securityContext: {
                  privileged: false,
                  allowPrivilegeEscalation: false,
                  capabilities: { add: ['SYS_PTRACE'] },
                  seccompProfile: { type: 'Unconfined' },
                },
                volumeMounts: [
                  { name: 'weights', mountPath: '/data/hf', readOnly: true },
                  { name: 'shm', mountPath: '/dev/shm' },
                  { name: 'compiled', mountPath: `${HOME}/.aiter`, subPath: 'aiter' },
                  { name: 'compiled', mountPath: `${HOME}/.triton`, subPath: 'triton' },
                  { name: 'compiled', mountPath: `${HOME}/.cache/vllm`, subPath: 'vllm' },
                ],
              },
            ],
            volumes: [
              { name: 'weights', hostPath: { path: '/data/hf', type: 'Directory' } },
              { name: 'shm', emptyDir: { medium: 'Memory', sizeLimit: '32Gi' } },
              { name: 'compiled', hostPath: { path: '/var/lib/aim-engine/compiled/chat', type: 'DirectoryOrCreate' } },
            ],
          },
        },
      },
    })
  })

  test('has a Service inside the cluster that finds its pod', () => {
    expect(manifest().service).toEqual({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'chat', labels },
      spec: { type: 'ClusterIP', selector: labels, ports: [{ name: 'http', port: 8100, targetPort: 'http' }] },
    })
  })

  test('is never killed for answering late', () => {
    expect(manifest().container).not.toHaveProperty('livenessProbe')
    expect(render('k8s', inputOf())).toContain('# No liveness probe: ')
  })

  test('goes to the node of its weights, and takes the groups that have a number', () => {
    expect(manifest({ node: 'gpu-1', groups: ['video', 993] }).pod).toMatchObject({
      nodeSelector: { 'kubernetes.io/hostname': 'gpu-1' },
      securityContext: { supplementalGroups: [993] },
    })
  })

  test('says why it is pinned to a node, and how to find others with its card', () => {
    const text = render('k8s', inputOf({ node: 'gpu-1', card: 'MI300X' }))
    expect(text).toContain('# nodeSelector pins it to gpu-1, the node of the plan')
    expect(text).toContain('# Its recipe is for 2 x MI300X.')
    expect(text).toContain('kubectl get nodes -L amd.com/gpu.product-name')
    expect(manifest({ card: 'MI300X' }).deployment).toMatchObject({ metadata: { annotations: { 'aim-engine/card': 'MI300X' } } })
    expect(render('k8s', inputOf())).not.toContain('nodeSelector')
  })

  test('on the CPU has no GPU, no capability and the default filter of system calls', () => {
    const { container } = manifest({ spec: { gpus: [] }, arch: null })
    expect(container).not.toHaveProperty('resources')
    expect(container['securityContext']).toMatchObject({ capabilities: { drop: ['ALL'] }, seccompProfile: { type: 'RuntimeDefault' } })
  })

  test.each([
    ['a name that no Service may have', { name: '7b' }, 'name'],
    ['an engine over several machines', { spec: { group: { nodes: 2, rank: 0, leader: '10.0.0.1:5000' } } }, 'render'],
  ])('refuses %s', (_, more, field) => {
    expect(() => render('k8s', inputOf(more))).toThrow(
      expect.objectContaining({ code: 'InvalidInput', details: expect.objectContaining({ field }) }),
    )
  })

  test('passes any argument and variable through YAML and expansion as it was', () => {
    fc.assert(
      fc.property(fc.array(argument, { maxLength: 4 }), argument, (args, value) => {
        const { container } = manifest({ command: { argv: ['/bin/engine', ...args], env: { A: value } } })
        expect(container.args.map(expanded)).toEqual(args)
        expect(container.env.map((one) => expanded(one.value))).toEqual([value])
      }),
    )
  })
})

/** As the kubelet does it: `$$` is a dollar sign, `$(NAME)` a variable, any other `$` itself. */
function expanded(text: string): string {
  return text.replaceAll(/\$\$|\$\([^)]*\)/g, (found) => (found === '$$' ? '$' : '<a variable>'))
}
