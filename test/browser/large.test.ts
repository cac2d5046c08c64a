// The console over a large cluster: its views and their states, what people do with groups, what goes anywhere by
// name. The scenarios are in the files beside this one, because they share the broker and its data.

import { afterAll, beforeAll } from 'vitest'
import { Cluster } from './cluster.ts'
import { fillAll, packageEnds } from './data.ts'
import { groups } from './large-groups.ts'
import { index } from './large-index.ts'
import { palette } from './large-palette.ts'
import { resets } from './large-resets.ts'
import { largeViews } from './large-views.ts'
import { states } from './states.ts'

const cluster = new Cluster(fillAll, packageEnds)

beforeAll(() => cluster.start())
afterAll(() => cluster.stop())

largeViews(cluster)
states(cluster, 'large')
groups(cluster)
palette(cluster)
resets(cluster)
index(cluster)
