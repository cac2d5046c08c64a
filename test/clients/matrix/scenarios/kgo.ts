// franz-go's own integration tests, in groups that pass on Apache Kafka 4.1.1. Left out: those that need
// what Kafka 4.1 has not (share groups' stable versions) or another set-up (SASL, an old broker), and
// those that need no broker.

import { runKgo } from '../go/kgo-tests.ts'
import type { Context, Scenario } from '../scenario.ts'

/** Tests by scenario: a name stands for its subtests too. */
const GROUPS: Readonly<Record<string, readonly string[]>> = {
  client: ['TestUnknownGroupOffsetFetchPinned', 'TestPing', 'TestIssue1034'],
  produce: [
    'TestClient_Produce',
    'TestClient_ProduceLargeMessages',
    'TestIssue769',
    'TestIssue831',
    'TestIssueProduceSyncManualPartitionNegativeDoesNotPanic',
  ],
  consume: [
    'TestIssue325',
    'TestIssue337',
    'TestIssue648',
    'TestIssue810',
    'TestIssue865',
    'TestConsumeTopicRetrieval',
    'TestConsumeTopicRetrieval_Many',
    'TestDirectPartitionPurge',
    'TestAddRemovePartitions',
    'TestPauseIssue489',
    'TestPauseIssueOct2023',
    'TestIssueFetchLargerThanBrokerMaxReadBytes',
    'TestPooling',
    'TestHookPollStart',
    'TestConsumeMaxDecompressBatchBytes',
  ],
  groups: ['TestGroupSimple', 'TestIssue434', 'TestIssue523'],
  /** Patterns that match, or must not match, Kafka's topic of group offsets. */
  'regex-internal': ['TestConsumeRegex', 'Test848RegexBrokerResolves'],
  'group-etl': ['TestGroupETL'],
  'transaction-etl': ['TestTxnEtl'],
}

/** The long tests pass every record through chains of ten and more groups: this many take a minute or two. */
const RECORDS = 5_000
/** Not counting the compilation, which the first of these scenarios waits for. */
const WITHIN_MS = 300_000
const BUILD_WITHIN_MS = 180_000

async function passes({ bootstrap }: Context, tests: readonly string[]): Promise<void> {
  const run = { bootstrap, tests, records: RECORDS, withinMs: WITHIN_MS }
  const { outcomes, tail } = await runKgo(run)
  const failed = [...outcomes].flatMap(([name, outcome]) => (outcome === 'PASS' ? [] : [name]))
  const missing = tests.filter((name) => !outcomes.has(name))
  if (failed.length + missing.length === 0) return
  const names = `not passed: ${failed.join(' ')}; not ended: ${missing.join(' ')}`
  throw new Error(`expected ${tests.join(' ')} to pass, ${names}\n${tail}`)
}

export const KGO: readonly Scenario[] = Object.entries(GROUPS).map(([name, tests]) => ({
  name: `kgo/${name}`,
  needs: ['kgo'],
  withinMs: WITHIN_MS + BUILD_WITHIN_MS,
  run: (context) => passes(context, tests),
}))
