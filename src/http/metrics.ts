// The figures of a cluster as Prometheus reads them: text, a family after the other, made line by line because a large
// cluster has some hundred thousand. Names are kafka_exporter's where it has one, so that its dashboards work; what is
// ours begins with ottla_. https://prometheus.io/docs/instrumenting/exposition_formats/

import { BROKER_ID } from '../core/ids.ts'
import type { Metrics } from '../statistics/contract.ts'

/** The media type of the text. */
export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

type Labels = Readonly<Record<string, string | number>>
type Sample = readonly [labels: Labels, value: number]

/** One family: what it is called, what it means, and its samples. */
interface Family {
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'untyped'
  readonly help: string
  readonly samples: (metrics: Metrics) => Iterable<Sample>
}

/** What a counter of the Worker is called, and what the parts of its name are (broker/counts.ts). */
interface CounterFamily {
  readonly name: string
  readonly help: string
  readonly labels: readonly string[]
}

const COUNTERS: Readonly<Record<string, CounterFamily>> = {
  requests: {
    name: 'ottla_requests_total',
    help: 'Kafka requests, by API.',
    labels: ['api'],
  },
  errors: {
    name: 'ottla_request_errors_total',
    help: 'Errors in answers to Kafka requests, of the whole answer or of one of its parts, by API and error.',
    labels: ['api', 'error'],
  },
  http: {
    name: 'ottla_http_requests_total',
    help: 'HTTP requests, by method, route and status of the answer.',
    labels: ['method', 'route', 'status'],
  },
  connections: {
    name: 'ottla_connections_opened_total',
    help: 'Connections that were opened, by kind.',
    labels: ['kind'],
  },
  refused: {
    name: 'ottla_connections_refused_total',
    help: 'Connections that were closed at once because too many were open, by kind.',
    labels: ['kind'],
  },
  logins: {
    name: 'ottla_logins_total',
    help: 'Logins of Kafka connections (SASL), by mechanism and whether they were taken.',
    labels: ['mechanism', 'outcome'],
  },
  received: {
    name: 'ottla_received_bytes_total',
    help: 'Bytes that came from clients, by kind of connection; of text messages (live) their characters.',
    labels: ['kind'],
  },
  sent: {
    name: 'ottla_sent_bytes_total',
    help: 'Bytes that went to clients, by kind of connection; of text messages (live) their characters.',
    labels: ['kind'],
  },
}

const FAMILIES: readonly Family[] = [
  {
    name: 'kafka_brokers',
    type: 'gauge',
    help: 'Number of brokers in the cluster.',
    samples: () => [[{}, 1]],
  },
  {
    name: 'kafka_broker_info',
    type: 'gauge',
    help: 'Information about a broker.',
    samples: () => [[{ id: BROKER_ID }, 1]],
  },
  {
    name: 'kafka_topic_partitions',
    type: 'gauge',
    help: 'Number of partitions of a topic.',
    samples: ({ topics }) => topics.map(({ name, partitions }) => [{ topic: name }, partitions]),
  },
  {
    name: 'kafka_topic_partition_current_offset',
    type: 'gauge',
    help: 'End of a partition: the offset of its next record.',
    samples: (metrics) => ofLogs(metrics, 2),
  },
  {
    name: 'kafka_topic_partition_oldest_offset',
    type: 'gauge',
    help: 'Start of a partition: the offset of its oldest record.',
    samples: (metrics) => ofLogs(metrics, 1),
  },
  {
    name: 'kafka_consumergroup_members',
    type: 'gauge',
    help: 'Members of a consumer group.',
    samples: ({ groups }) => groups.map(({ groupId, members }) => [group(groupId), members]),
  },
  {
    name: 'kafka_consumergroup_current_offset',
    type: 'gauge',
    help: 'Offset that a consumer group has committed of a partition.',
    samples: (metrics) => ofOffsets(metrics, 1),
  },
  {
    name: 'kafka_consumergroup_current_offset_sum',
    type: 'untyped',
    help: 'Offsets that a consumer group has committed of a topic, all partitions together.',
    samples: (metrics) => sums(metrics, 1),
  },
  {
    name: 'kafka_consumergroup_lag',
    type: 'gauge',
    help: 'Records of a partition that a consumer group has not committed yet.',
    samples: (metrics) => ofOffsets(metrics, 2),
  },
  {
    name: 'kafka_consumergroup_lag_sum',
    type: 'untyped',
    help: 'Records of a topic that a consumer group has not committed yet.',
    samples: (metrics) => sums(metrics, 2),
  },
  {
    name: 'ottla_topic_records',
    type: 'gauge',
    help: 'Offsets from the start of a topic to its end, all partitions together.',
    samples: (metrics) =>
      ofTopics(metrics, (_, logs) => total(logs, (at) => logs.at(at, 2) - logs.at(at, 1))),
  },
  {
    name: 'ottla_topic_written_records_total',
    type: 'counter',
    help: 'Offsets that were ever given to records of a topic.',
    samples: (metrics) => ofTopics(metrics, (_, logs) => total(logs, (at) => logs.at(at, 2))),
  },
  {
    name: 'ottla_topic_written_bytes_total',
    type: 'counter',
    help: 'Bytes of record batches that were written to a topic.',
    samples: (metrics) => ofTopics(metrics, ({ writtenBytes }) => writtenBytes),
  },
  {
    name: 'ottla_topic_read_bytes_total',
    type: 'counter',
    help: 'Bytes of record batches that were read from a topic by fetches.',
    samples: (metrics) => ofTopics(metrics, ({ readBytes }) => readBytes),
  },
  {
    name: 'ottla_topic_size_bytes',
    type: 'gauge',
    help: 'Bytes of record batches that a topic keeps.',
    samples: (metrics) => ofTopics(metrics, (_, logs) => total(logs, (at) => logs.at(at, 3))),
  },
  {
    name: 'ottla_storage_bytes',
    type: 'gauge',
    help: 'Bytes of record batches that all topics keep.',
    samples: ({ topics }) => {
      let bytes = 0
      for (const { logs } of topics) {
        const known = table(logs, LOG_COLUMNS)
        bytes += total(known, (at) => known.at(at, 3))
      }
      return [[{}, bytes]]
    },
  },
  {
    name: 'ottla_connections',
    type: 'gauge',
    help: 'Connections that are open, by kind.',
    samples: ({ connections }) =>
      Object.entries(connections).map(([kind, count]) => [{ kind }, count]),
  },
  {
    name: 'ottla_objects_awake',
    type: 'gauge',
    help: 'Objects that have reported within the last 20 seconds, by class.',
    samples: ({ awake }) => Object.entries(awake).map(([kind, count]) => [{ class: kind }, count]),
  },
  ...Object.entries(COUNTERS).map(
    ([family, { name, help, labels }]): Family => ({
      name,
      type: 'counter',
      help,
      samples: ({ totals }) => ofCounters(totals, family, labels),
    }),
  ),
  {
    name: 'ottla_statistics_dropped_reports',
    type: 'gauge',
    help: 'Reports of partitions and offsets beyond what is kept: more than 0 means that some are missing here.',
    samples: ({ left }) => [[{}, left]],
  },
  {
    name: 'ottla_statistics_age_seconds',
    type: 'gauge',
    help: 'Time since anything in the cluster has reported. Nothing does while nothing happens.',
    samples: ({ ageMs }) => (ageMs === null ? [] : [[{}, ageMs / 1000]]),
  },
]

/** The text in parts: a family's head or one sample each. */
export function* exposition(metrics: Metrics): Generator<string> {
  for (const { name, type, help, samples } of FAMILIES) {
    yield `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`
    for (const [labels, value] of samples(metrics)) {
      yield `${name}${labelsText(labels)} ${value}\n`
    }
  }
}

/** Rows of so many numbers each. */
interface Table {
  readonly rows: number
  at(row: number, column: number): number
}

function table(numbers: Float64Array, columns: number): Table {
  return {
    rows: numbers.length / columns,
    at: (row, column) => numbers[row * columns + column] ?? 0,
  }
}

const LOG_COLUMNS = 4
const OFFSET_COLUMNS = 3

function* ofLogs({ topics }: Metrics, column: number): Generator<Sample> {
  for (const { name, logs } of topics) {
    const { rows, at } = table(logs, LOG_COLUMNS)
    for (let row = 0; row < rows; row++) {
      yield [{ partition: at(row, 0), topic: name }, at(row, column)]
    }
  }
}

function* ofTopics(
  { topics }: Metrics,
  value: (topic: Metrics['topics'][number], logs: Table) => number,
): Generator<Sample> {
  for (const topic of topics) {
    yield [{ topic: topic.name }, value(topic, table(topic.logs, LOG_COLUMNS))]
  }
}

/** Of partitions whose end is not known there is no lag to show. */
function* ofOffsets({ groups }: Metrics, column: number): Generator<Sample> {
  for (const { groupId, topics } of groups) {
    for (const { name, offsets } of topics) {
      const { rows, at } = table(offsets, OFFSET_COLUMNS)
      for (let row = 0; row < rows; row++) {
        if (at(row, column) < 0) continue
        yield [{ ...group(groupId), partition: at(row, 0), topic: name }, at(row, column)]
      }
    }
  }
}

function* sums({ groups }: Metrics, column: number): Generator<Sample> {
  for (const { groupId, topics } of groups) {
    for (const { name, offsets } of topics) {
      const known = table(offsets, OFFSET_COLUMNS)
      const sum = total(known, (row) => Math.max(0, known.at(row, column)))
      yield [{ ...group(groupId), topic: name }, sum]
    }
  }
}

function* ofCounters(
  totals: Metrics['totals'],
  family: string,
  labels: readonly string[],
): Generator<Sample> {
  for (const [counter, value] of Object.entries(totals)) {
    const [head, ...values] = counter.split('|')
    if (head !== family) continue
    yield [Object.fromEntries(labels.map((label, at) => [label, values[at] ?? ''])), value]
  }
}

function group(groupId: string): Labels {
  return { consumergroup: groupId }
}

function total({ rows }: Table, value: (row: number) => number): number {
  let sum = 0
  for (let row = 0; row < rows; row++) sum += value(row)
  return sum
}

function labelsText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

/** A group's id may have any character. */
function escaped(value: string | number): string {
  if (typeof value === 'number') return String(value)
  return value.toWellFormed().replace(/[\\"\n]/g, (one) => (one === '\n' ? '\\n' : `\\${one}`))
}
