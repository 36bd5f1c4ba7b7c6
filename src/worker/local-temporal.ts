import type { Settings } from '../config/settings.js'
import { findTemporal, type Found } from '../embedded/find.js'

/** The Temporal server program of this machine, or why each place that was looked at has none. */
export const localTemporal = ({ temporalBin, cacheDir }: Settings): Promise<Found> => findTemporal({ temporalBin, cacheDir })
