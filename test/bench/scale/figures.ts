// The figures of scale by the names that `--only` takes. What each one measures is in its file.

import type { Figure } from '../rounds.ts'
import { commitDelayFigures } from './commit-delay.ts'
import { randomFetchFigures, timeLookupFigures } from './deep-log.ts'
import { fullPartitionFigures } from './full-partitions.ts'
import { idleConsumerFigures } from './idle-consumer.ts'
import { sseReaderFigures } from './sse-readers.ts'
import { stalledReaderFigures } from './stalled-readers.ts'
import { emptyTopicFigures } from './topics.ts'
import { touchedPartitionFigures } from './touched.ts'

/** Groups of figures, in the order in which they are run. */
export const SCALE_FIGURES: Readonly<
  Record<string, (quick: boolean) => Figure[] | Promise<Figure[]>>
> = {
  'random-fetch': randomFetchFigures,
  'time-lookup': timeLookupFigures,
  topics: emptyTopicFigures,
  touched: touchedPartitionFigures,
  idle: idleConsumerFigures,
  sse: sseReaderFigures,
  'sse-stalled': stalledReaderFigures,
  'commit-delay': commitDelayFigures,
  'full-partitions': fullPartitionFigures,
}

/** Those of them that read /proc. */
export const SCALE_ON_LINUX = ['topics', 'touched', 'idle', 'sse', 'sse-stalled', 'full-partitions']
