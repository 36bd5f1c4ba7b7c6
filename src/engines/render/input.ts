import { AimError } from '../../contracts/errors.js'
import { EndpointName } from '../../contracts/names.js'
import type { EngineCommand, EngineSpec } from '../../domain/engine.js'
import type { Bind } from '../engine.js'

/** All that a candidate becomes text from. */
export type RenderInput = {
  spec: EngineSpec
  /** Made with the programs of the place it runs in: this machine's, or the image's. */
  command: EngineCommand
  /** What `command` was told to listen on: inside a container an address that can be published, as 0.0.0.0. */
  bind: Bind
  /** Null for a backend that nobody publishes an image of. */
  image: string | null
  /** Name of the endpoint. */
  name: string
  /** Folder of the weights on the node; the model is inside. */
  cachePath: string
  /** LLVM target of the GPUs, as gfx942; null on the CPU. */
  arch: string | null
  /** Answers 200 once requests are served; `timeoutSeconds` is the longest that an answer may take. */
  probe: { path: string; timeoutSeconds: number }
  /** Groups that may open the devices: names of the image or numbers of the node. */
  groups?: readonly (string | number)[]
  /** Node of the plan: it holds the weights, and its GPUs were chosen. */
  node?: string
  /** Name of the card, as MI300X; null on the CPU. */
  card?: string | null
  /** What its reader must know, a line each: it stays with the text where that is saved. */
  remarks?: readonly string[]
}

/** The same, for the forms that run an image. */
export type ContainerInput = RenderInput & { image: string }

/** @throws AimError `InvalidInput` for what would become text that cannot run as it says. */
export function checkedContainer(input: RenderInput): ContainerInput {
  const { image, name, bind, spec, cachePath } = input
  if (image === null) throw invalid('render', `the ${spec.backend} backend has no image: render it as a command`)
  const named = EndpointName.safeParse(name)
  if (!named.success) throw invalid('name', named.error.issues[0]?.message ?? 'is no name of an endpoint')
  if (!isInside(spec.modelPath, cachePath)) throw invalid('cachePath', `must be a folder above the model, ${spec.modelPath}`)
  if (spec.group === undefined && isLoopback(bind.host)) {
    throw invalid('bind.host', 'is an address that nobody outside the container reaches')
  }
  return { ...input, image }
}

export function invalid(field: string, rule: string): AimError {
  return new AimError('InvalidInput', { field, rule })
}

function isInside(path: string, folder: string): boolean {
  return folder.startsWith('/') && !path.split('/').includes('..') && path.startsWith(`${folder.replace(/\/+$/, '')}/`)
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.')
}
