// What the palette's chunk holds.

import { Find } from './find.tsx'
import { Keys } from './keys.tsx'

/** The dialogs. */
export const windows = { Find, Keys } as const
