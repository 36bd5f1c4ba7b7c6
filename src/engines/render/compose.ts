import { environmentOf, headline, needsHostNetwork, needsOf, WHY_HOST_NETWORK, WHY_LOOPBACK } from './container.js'
import type { ContainerInput } from './input.js'
import { toYaml, type Yaml } from './yaml.js'

/** A compose file of one service. */
export function renderCompose(input: ContainerInput): string {
  return `${headline(input)}${needsHostNetwork(input) ? WHY_HOST_NETWORK : WHY_LOOPBACK}${toYaml(composeOf(input))}`
}

function composeOf(input: ContainerInput): Yaml {
  const { name, image, bind, command, cachePath } = input
  const { devices, groups, capabilities, unconfined, shmGib, compiled } = needsOf(input)
  const [program, ...args] = command.argv
  const service: Yaml = {
    image: literal(image),
    init: true,
    // A GPU that faults again and again wants a person, not another start.
    restart: 'on-failure:3',
    entrypoint: [literal(program)],
    command: args.map(literal),
    environment: Object.fromEntries(Object.entries(environmentOf(input)).map(([variable, value]) => [variable, literal(value)])),
    ...(needsHostNetwork(input)
      ? { network_mode: 'host' }
      : { ports: [{ target: bind.port, published: String(bind.port), host_ip: '127.0.0.1', protocol: 'tcp' }] }),
    devices: atLeastOne(devices.map((device) => `${device}:${device}`)),
    group_add: atLeastOne(groups.map(String)),
    cap_add: atLeastOne(capabilities),
    security_opt: [...(unconfined ? ['seccomp=unconfined'] : []), 'no-new-privileges:true'],
    shm_size: `${shmGib}gb`,
    volumes: [
      { type: 'bind', source: literal(cachePath), target: literal(cachePath), read_only: true, bind: { create_host_path: false } },
      ...compiled.map((one) => ({ type: 'volume', source: one.name, target: one.path })),
    ],
  }
  return {
    name,
    services: { [name]: service },
    volumes: compiled.length === 0 ? undefined : Object.fromEntries(compiled.map((one) => [one.name, { name: `${name}-${one.name}` }])),
  }
}

/** Compose would put a variable of the shell in the place of `$NAME`. */
function literal(text: string): string {
  return text.replaceAll('$', '$$$$')
}

function atLeastOne(list: string[]): string[] | undefined {
  return list.length === 0 ? undefined : list
}
