/** Search attributes of every flow, all keywords; registered by the embedded server and by `aim doctor`'s advice elsewhere. */
export const SEARCH_ATTRIBUTES = [
  'AimEndpoint',
  'AimModel',
  'AimRecipe',
  'AimBackend',
  'AimHardware',
  'AimNode',
  'AimState',
  'AimActor',
] as const
export type SearchAttribute = (typeof SEARCH_ATTRIBUTES)[number]
