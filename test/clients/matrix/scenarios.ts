// Every scenario of the matrix, in the order of the table.

import type { Scenario } from './scenario.ts'
import { ADMIN } from './scenarios/admin.ts'
import { CLASSIC_GROUPS } from './scenarios/classic-groups.ts'
import { CONSUMER_GROUPS } from './scenarios/consumer-groups.ts'
import { GROUPS } from './scenarios/groups.ts'
import { KGO } from './scenarios/kgo.ts'
import { LOGIN } from './scenarios/login.ts'
import { MIGRATION } from './scenarios/migration.ts'
import { MIXED } from './scenarios/mixed.ts'
import { PRODUCE } from './scenarios/produce.ts'
import { SEEK } from './scenarios/seek.ts'
import { STREAMS } from './scenarios/streams.ts'
import { TOOLS_CLUSTER } from './scenarios/tools-cluster.ts'
import { TOOLS_FEATURES } from './scenarios/tools-features.ts'
import { TOOLS_GROUPS } from './scenarios/tools-groups.ts'
import { TOOLS_SECURITY } from './scenarios/tools-security.ts'
import { TOOLS_TOPICS } from './scenarios/tools-topics.ts'
import { TOOLS_TRANSACTIONS } from './scenarios/tools-transactions.ts'
import { TRANSACTIONS } from './scenarios/transactions.ts'

export const SCENARIOS: readonly Scenario[] = [
  ...PRODUCE,
  ...SEEK,
  ...GROUPS,
  ...CLASSIC_GROUPS,
  ...CONSUMER_GROUPS,
  ...MIGRATION,
  ...TRANSACTIONS,
  ...MIXED,
  ...ADMIN,
  ...LOGIN,
  ...TOOLS_TOPICS,
  ...TOOLS_GROUPS,
  ...TOOLS_TRANSACTIONS,
  ...TOOLS_CLUSTER,
  ...TOOLS_FEATURES,
  ...TOOLS_SECURITY,
  ...STREAMS,
  ...KGO,
]
