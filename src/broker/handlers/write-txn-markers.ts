// WriteTxnMarkers (key 27), version 1 (KIP-98, KIP-664). An operator ends a hanging transaction on single
// partitions, past its coordinator. Our own coordinators do not use it: they call their participants.
// Offsets of groups are kept in no topic here, so __consumer_offsets is unknown; what is pending in a
// group ends with its transaction.

import { type ErrorCode, KafkaError } from '../../core/errors.ts'
import { MARKERS_IN_FLIGHT } from '../../core/limits/coordinators.ts'
import type {
  WriteTxnMarkersRequest,
  WriteTxnMarkersResponse,
} from '../../protocol/messages/write-txn-markers.ts'
import { Operation } from '../../security/access.ts'
import { authorised, clusterDenial } from '../authorise.ts'
import type { Call } from '../call.ts'
import type { BrokerContext } from '../context.ts'
import { askLeader, byName } from '../routing.ts'

type Marker = WriteTxnMarkersRequest['markers'][number]

/** Writes each marker to each of its partitions. */
export async function writeTxnMarkers(
  request: WriteTxnMarkersRequest,
  _call: Call,
  context: BrokerContext,
): Promise<WriteTxnMarkersResponse> {
  const access = await authorised(context)
  const denied =
    clusterDenial(access, Operation.ALTER) && clusterDenial(access, Operation.CLUSTER_ACTION)
  if (denied !== KafkaError.NONE) return refused(request, denied)
  const markers = []
  for (const marker of request.markers) {
    const topics = []
    for (const { name, partitionIndexes } of marker.topics) {
      const partitions = await written(marker, name, partitionIndexes, context)
      topics.push({ name, partitions })
    }
    markers.push({ producerId: marker.producerId, topics })
  }
  return { markers }
}

function refused({ markers }: WriteTxnMarkersRequest, error: ErrorCode): WriteTxnMarkersResponse {
  return {
    markers: markers.map(({ producerId, topics }) => ({
      producerId,
      topics: topics.map(({ name, partitionIndexes }) => ({
        name,
        partitions: partitionIndexes.map((partitionIndex) => ({
          partitionIndex,
          errorCode: error,
        })),
      })),
    })),
  }
}

async function written(
  marker: Marker,
  topic: string,
  indexes: readonly number[],
  context: BrokerContext,
): Promise<{ partitionIndex: number; errorCode: ErrorCode }[]> {
  const partitions = []
  for (let at = 0; at < indexes.length; at += MARKERS_IN_FLIGHT) {
    const some = indexes.slice(at, at + MARKERS_IN_FLIGHT).map(async (partitionIndex) => ({
      partitionIndex,
      errorCode: await writtenTo(marker, topic, partitionIndex, context),
    }))
    partitions.push(...(await Promise.all(some)))
  }
  return partitions
}

async function writtenTo(
  marker: Marker,
  topic: string,
  partition: number,
  context: BrokerContext,
): Promise<ErrorCode> {
  const { error } = await askLeader(context, byName(topic, partition), (leader, target) =>
    leader.endTransaction({
      ...target,
      producerId: Number(marker.producerId),
      producerEpoch: marker.producerEpoch,
      number: null,
      coordinatorEpoch: marker.coordinatorEpoch,
      committed: marker.transactionResult,
    }),
  )
  return error
}
