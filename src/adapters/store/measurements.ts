import { asc, inArray } from 'drizzle-orm'
import { PRECISIONS } from '../../domain/hardware.js'
import type { Measurement } from '../../domain/measurement.js'
import type { Database } from './database.js'
import { measurements } from './schema.js'
import { storable } from './storable.js'

export async function saveMeasurement(db: Database['db'], measurement: Measurement): Promise<void> {
  const { precision, measuredAt, ...rest } = measurement
  const row = { ...storable(rest), precision: precision ?? '', measuredAt: new Date(measuredAt) }
  const { kvBytesPerGpu, kvTokens } = row
  const { model, precision: kept, backend, version, card, gpuCount, setup } = measurements
  await db
    .insert(measurements)
    .values(row)
    .onConflictDoUpdate({
      target: [model, kept, backend, version, card, gpuCount, setup],
      set: { kvBytesPerGpu, kvTokens, measuredAt: row.measuredAt },
    })
}

/** In a fixed order, so that the same measurements give the same plan. */
export async function readMeasurements(db: Database['db'], models: string[]): Promise<Measurement[]> {
  if (models.length === 0) return []
  const { model, card, gpuCount, backend, version, setup } = measurements
  const rows = await db
    .select()
    .from(measurements)
    .where(inArray(model, models))
    .orderBy(asc(model), asc(card), asc(gpuCount), asc(backend), asc(version), asc(setup))
  return rows.map((row) => ({
    ...row,
    precision: PRECISIONS.find((each) => each === row.precision) ?? null,
    measuredAt: row.measuredAt.toISOString(),
  }))
}
