import type { ArgumentSpec, CommandSpec, OptionSpec } from '../cli.js'
import { DETACH, TIMEOUT } from './common-options.js'

const NODE: ArgumentSpec = { name: '<node>', about: 'id of the node', complete: 'node' }
const GPU: ArgumentSpec = { name: '<gpu>', about: 'number of the GPU, as `aim node show` prints it' }
const WHY: OptionSpec = { flags: '--reason <text>', about: 'why; shown to everybody' }

/** `aim node ...`: the nodes of the cluster, and what is kept from it. */
export const NODE_COMMANDS: CommandSpec[] = [
  {
    name: 'node ls',
    about: 'show the nodes: whether they answer, their GPUs and endpoints',
    examples: [
      ['aim node ls', 'all nodes'],
      ['aim node ls -o wide', 'also labels and host names'],
    ],
    load: async () => (await import('./nodes.js')).nodeLs,
  },
  {
    name: 'node show',
    about: 'show one node: who has which GPU, what is in quarantine, what is left of a drain',
    arguments: [NODE],
    examples: [['aim node show gpu-1', 'each GPU with its endpoint']],
    load: async () => (await import('./nodes.js')).nodeShow,
  },
  {
    name: 'node cordon',
    about: 'place nothing new on a node',
    more: 'What runs there goes on, and so does a drain.',
    arguments: [NODE],
    options: [WHY],
    examples: [['aim node cordon gpu-1 --reason "new memory"', 'it is given no work']],
    load: async () => (await import('./nodes.js')).nodeCordon,
  },
  {
    name: 'node uncordon',
    about: 'end a cordon or a drain',
    arguments: [NODE],
    examples: [['aim node uncordon gpu-1', 'it is given work again']],
    load: async () => (await import('./nodes.js')).nodeUncordon,
  },
  {
    name: 'node drain',
    about: 'move the endpoints of a node elsewhere, and place nothing new there',
    more: 'Waits until nothing is left. Ctrl-C leaves the drain going on; `aim node uncordon` ends it.',
    arguments: [NODE],
    options: [WHY, DETACH, TIMEOUT],
    examples: [
      ['aim node drain gpu-1 --reason "new memory"', 'before the machine is switched off'],
      ['aim node drain gpu-1 --timeout 30m', 'exit code 8 when something is still there then'],
    ],
    load: async () => (await import('./node-drain.js')).nodeDrain,
  },
  {
    name: 'node quarantine',
    about: 'give a GPU to nobody until it is cleared',
    more: 'An engine that runs on it goes on; it is not started there again.',
    arguments: [NODE, GPU],
    options: [{ ...WHY, default: 'put there by hand' }],
    examples: [['aim node quarantine gpu-1 3 --reason "page faults"', 'GPU 3 of gpu-1']],
    load: async () => (await import('./nodes.js')).nodeQuarantine,
  },
  {
    name: 'node clear',
    about: 'end the quarantine of a GPU',
    arguments: [NODE, GPU],
    examples: [['aim node clear gpu-1 3', 'it may be used again']],
    load: async () => (await import('./nodes.js')).nodeClear,
  },
  {
    name: 'node label',
    about: 'set or remove labels of a node, for `--label`',
    more: 'They stand above those of AIM_NODE_LABELS.',
    arguments: [NODE, { name: '<labels...>', about: 'name=value sets, name- removes' }],
    examples: [['aim node label gpu-1 zone=a rack-', 'sets zone, removes rack']],
    load: async () => (await import('./nodes.js')).nodeLabel,
  },
  {
    name: 'node forget',
    about: 'take a node that does not answer out of the cluster',
    arguments: [NODE],
    options: [{ flags: '--force', about: 'also while endpoints have something there: they move' }],
    examples: [['aim node forget gpu-1', 'the machine is gone for good']],
    load: async () => (await import('./nodes.js')).nodeForget,
  },
]
