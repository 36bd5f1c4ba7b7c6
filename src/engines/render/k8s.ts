import { headline, needsHostNetwork, needsOf, type Needs } from './container.js'
import { invalid, type ContainerInput } from './input.js'
import { commentLine } from './shell.js'
import { toYaml, type Yaml } from './yaml.js'

/**
 * Seconds that a start may take: a limit, not a wait. 700 GB at 500 MB/s are 25 minutes, compiling kernels adds minutes, and a start
 * that is killed has to load everything again.
 */
const START_SECONDS = 3_600
const PERIOD_SECONDS = 10
/** Running requests may end: our own stop gives 10 seconds, and a pod's end takes longer. */
const END_SECONDS = 60

const REASONS = `# No liveness probe: a busy engine answers late, and to kill it would end all that it serves. A dead one ends by itself.
# The GPUs are chosen by AMD's device plugin: HIP_VISIBLE_DEVICES is left out, because the pod sees its own GPUs only, from 0.
# The weights are read from the disk of the node. The port is open inside the cluster: add a NetworkPolicy.
`

/**
 * A Deployment and a Service.
 * @throws AimError `InvalidInput` for a name that no Service may have, and for an engine over several machines.
 */
export function renderK8s(input: ContainerInput): string {
  if (!/^[a-z]/.test(input.name)) throw invalid('name', 'must begin with a letter, because it names a Service')
  if (needsHostNetwork(input)) throw invalid('render', 'an engine over several machines is rendered for each of them: docker or compose')
  return `${headline(input)}${REASONS}${whyThere(input)}${toYaml(deployment(input))}---\n${toYaml(service(input))}`
}

/** Another node may have another card, or no weights: without the selector the scheduler would take any that has GPUs. */
function whyThere({ node, card = null, spec }: ContainerInput): string {
  if (node === undefined) return ''
  const pinned = `nodeSelector pins it to ${node}, the node of the plan, for its weights and its cards; write the name that Kubernetes has for it.`
  if (card === null) return commentLine(pinned)
  const freed = `To free it: remove the selector only where every node with amd.com/gpu has ${card}, or select by what AMD's node labeller tells`
  return [
    pinned,
    `Its recipe is for ${spec.gpus.length} x ${card}. ${freed}:`,
    'kubectl get nodes -L amd.com/gpu.product-name,amd.com/gpu.device-id',
  ]
    .map(commentLine)
    .join('')
}

function deployment(input: ContainerInput): Yaml {
  const { name, spec, arch, node, card } = input
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name,
      labels: labels(name),
      annotations: {
        'aim-engine/served-name': spec.servedName,
        'aim-engine/arch': arch ?? undefined,
        'aim-engine/card': card ?? undefined,
      },
    },
    spec: {
      replicas: 1,
      // The GPUs of the old pod are free only when it is gone.
      strategy: { type: 'Recreate' },
      selector: { matchLabels: labels(name) },
      template: {
        metadata: { labels: labels(name) },
        spec: {
          automountServiceAccountToken: false,
          // A Service named `vllm` would set VLLM_PORT, which vLLM reads as its own.
          enableServiceLinks: false,
          terminationGracePeriodSeconds: END_SECONDS,
          nodeSelector: node === undefined ? undefined : { 'kubernetes.io/hostname': node },
          securityContext: podSecurity(needsOf(input)),
          containers: [container(input, needsOf(input))],
          volumes: volumes(input, needsOf(input)),
        },
      },
    },
  }
}

function container(input: ContainerInput, needs: Needs): Yaml {
  const { image, bind, command, spec, cachePath } = input
  const [program, ...args] = command.argv
  return {
    name: 'engine',
    image,
    command: [literal(program)],
    args: args.map(literal),
    env: Object.entries(command.env)
      .filter(([variable]) => variable !== 'HIP_VISIBLE_DEVICES')
      .map(([variable, value]) => ({ name: variable, value: literal(value) })),
    ports: [{ name: 'http', containerPort: bind.port }],
    resources: spec.gpus.length === 0 ? undefined : { limits: { 'amd.com/gpu': spec.gpus.length } },
    startupProbe: probe(input, Math.ceil(START_SECONDS / PERIOD_SECONDS)),
    readinessProbe: probe(input, 3),
    securityContext: {
      privileged: false,
      allowPrivilegeEscalation: false,
      capabilities: needs.capabilities.length === 0 ? { drop: ['ALL'] } : { add: needs.capabilities },
      seccompProfile: { type: needs.unconfined ? 'Unconfined' : 'RuntimeDefault' },
    },
    volumeMounts: [
      { name: 'weights', mountPath: cachePath, readOnly: true },
      { name: 'shm', mountPath: '/dev/shm' },
      ...needs.compiled.map((one) => ({ name: 'compiled', mountPath: one.path, subPath: one.name })),
    ],
  }
}

function probe({ probe: { path, timeoutSeconds } }: ContainerInput, failureThreshold: number): Yaml {
  return { httpGet: { path, port: 'http' }, periodSeconds: PERIOD_SECONDS, timeoutSeconds, failureThreshold }
}

function volumes({ name, cachePath }: ContainerInput, { shmGib, compiled }: Needs): Yaml {
  return [
    { name: 'weights', hostPath: { path: cachePath, type: 'Directory' } },
    { name: 'shm', emptyDir: { medium: 'Memory', sizeLimit: `${shmGib}Gi` } },
    ...(compiled.length === 0
      ? []
      : [{ name: 'compiled', hostPath: { path: `/var/lib/aim-engine/compiled/${name}`, type: 'DirectoryOrCreate' } }]),
  ]
}

/** Names of groups mean nothing to Kubernetes; the device plugin opens the devices by itself. */
function podSecurity({ groups }: Needs): Yaml | undefined {
  const numbers = groups.filter((group) => typeof group === 'number')
  return numbers.length === 0 ? undefined : { supplementalGroups: numbers }
}

function service({ name, bind }: ContainerInput): Yaml {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, labels: labels(name) },
    spec: { type: 'ClusterIP', selector: labels(name), ports: [{ name: 'http', port: bind.port, targetPort: 'http' }] },
  }
}

function labels(name: string): Record<string, string> {
  return { 'app.kubernetes.io/name': 'aim-engine', 'app.kubernetes.io/instance': name }
}

/** Kubernetes would put a variable of the container in the place of `$(NAME)`. */
function literal(text: string): string {
  return text.replaceAll('$', '$$$$')
}
