import { asc, inArray } from 'drizzle-orm'
import { PRECISIONS } from '../../domain/hardware.js'
import type { Measurement } from '../../domain/measurement.js'
import type { Database } from './database.js'
import { measurements } from './schema.js'
import { storable } from './storable.js'

export async function saveMeasurement(db: Database['db'], measurement: Measurement): Promise<void> {
  const { precision, memoryFraction, measuredAt, ...rest } = measurement
  const row = { ...storable(rest), precision: precision ?? '', memoryFraction: memoryFraction ?? 0, measuredAt: new Date(measuredAt) }
  const { kvBytesPerGpu, kvTokens, decodeTokensPerSecond } = row
  await db
    .insert(measurements)
    .values(row)
    .onConflictDoUpdate({
      target: [
        measurements.model,
        measurements.precision,
        measurements.backend,
        measurements.version,
        measurements.card,
        measurements.gpuCount,
        measurements.layout,
        measurements.memoryFraction,
      ],
      set: { kvBytesPerGpu, kvTokens, decodeTokensPerSecond, measuredAt: row.measuredAt },
    })
}

/** In a fixed order, so that the same measurements give the same plan. */
export async function readMeasurements(db: Database['db'], models: string[]): Promise<Measurement[]> {
  if (models.length === 0) return []
  const { model, card, gpuCount, layout, backend, version, memoryFraction } = measurements
  const rows = await db
    .select()
    .from(measurements)
    .where(inArray(model, models))
    .orderBy(asc(model), asc(card), asc(gpuCount), asc(layout), asc(backend), asc(version), asc(memoryFraction))
  return rows.map((row) => ({
    ...row,
    precision: PRECISIONS.find((each) => each === row.precision) ?? null,
    memoryFraction: row.memoryFraction === 0 ? null : row.memoryFraction,
    measuredAt: row.measuredAt.toISOString(),
  }))
}
