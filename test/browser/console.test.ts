// The console over a small cluster: empty first, then each view and each state of it, then what people do there.
// The scenarios are in the files beside this one, because they share the broker and its data.

import { afterAll, beforeAll } from 'vitest'
import { Cluster } from './cluster.ts'
import { hiding, losing } from './console-away.ts'
import { changing } from './console-changing.ts'
import { fill } from './console-data.ts'
import { empty } from './console-empty.ts'
import { filtering } from './console-filter.ts'
import { reading } from './console-reading.ts'
import { odd } from './console-states.ts'
import { views } from './console-views.ts'
import { states } from './states.ts'

const cluster = new Cluster(async ({ http }) => {
  await fill(http)
  return () => {}
})

beforeAll(() => cluster.start())
afterAll(() => cluster.stop())

empty(cluster)
views(cluster)
states(cluster, 'small')
odd(cluster)
reading(cluster)
filtering(cluster)
hiding(cluster)
changing(cluster)
losing(cluster)
