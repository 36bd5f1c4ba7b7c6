import { readFile } from 'node:fs/promises'
import { parse } from 'yaml'
import type { Settings } from '../../config/settings.js'
import { isAllowed } from '../../contracts/allow-list.js'
import { AimError, isAimError } from '../../contracts/errors.js'
import { PricesFile } from '../../contracts/prices.js'
import { validate } from '../../contracts/validate.js'
import type { Prices } from '../../domain/requirements.js'
import type { PlanPolicy } from '../../ports/plan-policy.js'

/** The operator's word, from the settings. The price table is read anew each time: prices change. */
export function createPlanPolicy({ pricesFile, remoteCode, pickle }: Pick<Settings, 'pricesFile' | 'remoteCode' | 'pickle'>): PlanPolicy {
  return {
    prices: async () => (pricesFile === undefined ? null : readPrices(pricesFile)),
    allowsRemoteCode: (repo) => isAllowed(remoteCode, repo),
    allowsPickle: (repo) => isAllowed(pickle, repo),
  }
}

async function readPrices(file: string): Promise<Prices> {
  try {
    return validate(PricesFile, parse(await readFile(file, 'utf8')))
  } catch (error) {
    const { field, rule } = isAimError(error) ? error.details : { field: 'file', rule: (error as Error).message }
    throw new AimError('InvalidInput', { field: `AIM_PRICES ${file}: ${field}`, rule: rule ?? '' }, { cause: error })
  }
}
