import { AimError } from '../../src/contracts/errors.js'
import type { ModelFile, PinnedModel } from '../../src/contracts/model.js'
import type { Hub } from '../../src/ports/hub.js'

/** A small JSON file of a model, verified. Throws AimError `HubProtocol` for one that is no JSON. */
export async function readJson(hub: Hub, model: PinnedModel, file: ModelFile, signal?: AbortSignal): Promise<unknown> {
  const text = await hub.readText(model, file, signal)
  try {
    return JSON.parse(text)
  } catch (error) {
    const reason = (error as Error).message
    throw new AimError('HubProtocol', { hub: 'the hub', what: `${model.repo}/${file.path}`, reason }, { cause: error })
  }
}
