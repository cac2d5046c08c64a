// Chooses the partition of each record of one request: the one asked for, that of its key as a Java
// client chooses it, or, without a key, one partition for the whole request, so that its records stay
// in order and in few batches.

import type { TopicState } from '../cluster/contract.ts'
import { KafkaError } from '../core/errors.ts'
import { partitionForKey } from '../core/murmur2.ts'
import { Problem } from './problem.ts'
import type { IncomingRecord } from './record-in.ts'

/** Places the records of one request. */
export type Place = (record: IncomingRecord) => number | Problem

/** @param random a number in [0, 1), as Math.random gives it */
export function placement(topic: TopicState, random: () => number): Place {
  return placementBeside(topic, Math.floor(random() * topic.partitions))
}

/**
 * The same with the partition of records without a key given.
 * @param partitions among how many the others choose by their keys; fewer while a topic is as it was before
 */
export function placementBeside(
  topic: TopicState,
  keyless: number,
  partitions: number = topic.partitions,
): Place {
  return ({ key, partition }) => {
    if (partition === null) return key === null ? keyless : partitionForKey(key, partitions)
    return partition < topic.partitions ? partition : noPartition(topic, partition)
  }
}

/** 404: the topic has no such partition. */
export function noPartition(topic: TopicState, partition: number): Problem {
  const detail = `topic ${topic.name} has ${topic.partitions} partitions, numbered from 0; there is no partition ${partition}`
  return new Problem(KafkaError.UNKNOWN_TOPIC_OR_PARTITION, { field: 'partition', detail })
}
