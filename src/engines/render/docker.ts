import { environmentOf, headline, needsHostNetwork, needsOf, WHY_HOST_NETWORK, WHY_LOOPBACK } from './container.js'
import type { ContainerInput } from './input.js'
import { byFlag, shellLines } from './shell.js'

/** `docker run` of a candidate, to be pasted into a shell. */
export function renderDocker(input: ContainerInput): string {
  const reason = needsHostNetwork(input) ? WHY_HOST_NETWORK : WHY_LOOPBACK
  const [program, ...args] = input.command.argv
  const words = [...optionsOf(input), ['--entrypoint', program], [input.image], ...byFlag(args)]
  return `${headline(input)}${reason}${shellLines(words)}`
}

function optionsOf(input: ContainerInput): string[][] {
  const { name, bind, cachePath } = input
  const { devices, groups, capabilities, unconfined, shmGib, compiled } = needsOf(input)
  const { port } = bind
  return [
    ['docker', 'run', '--rm', '--init'],
    ['--name', name],
    needsHostNetwork(input) ? ['--network', 'host'] : ['--publish', `127.0.0.1:${port}:${port}`],
    ...devices.map((device) => ['--device', device]),
    ...groups.map((group) => ['--group-add', String(group)]),
    ...capabilities.map((capability) => ['--cap-add', capability]),
    ...(unconfined ? [['--security-opt', 'seccomp=unconfined']] : []),
    ['--security-opt', 'no-new-privileges'],
    ['--shm-size', `${shmGib}g`],
    ['--mount', mount({ type: 'bind', src: cachePath, dst: cachePath, readonly: true })],
    ...compiled.map((one) => ['--mount', mount({ type: 'volume', src: `${name}-${one.name}`, dst: one.path, readonly: false })]),
    ...Object.entries(environmentOf(input)).map(([variable, value]) => ['--env', `${variable}=${value}`]),
  ]
}

/** A `--mount` is a record of comma-separated values; unlike `--volume` it takes any path and makes none. */
function mount({ type, src, dst, readonly }: { type: string; src: string; dst: string; readonly: boolean }): string {
  const fields = [`type=${type}`, `src=${src}`, `dst=${dst}`, ...(readonly ? ['readonly'] : [])]
  return fields.map((field) => (/[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field)).join(',')
}
