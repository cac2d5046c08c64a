// CreateTopics (key 19), versions 2 to 7 (KIP-464 defaults, KIP-525 configs in the answer from 5,
// ids from 7). The controller decides: this hands it the request. The audit log makes its topic itself, so that nobody
// chooses beforehand how long it is kept.

import { AUDIT_TOPIC, METADATA_TOPIC } from '../../cluster/names.ts'
import { KafkaError } from '../../core/errors.ts'
import type {
  CreateTopicsRequest,
  CreateTopicsResponse,
} from '../../protocol/messages/create-topics.ts'
import { Operation, Resource } from '../../security/access.ts'
import { allowing, authorised, clusterDenial, divided } from '../authorise.ts'
import type { Call } from '../call.ts'
import type { BrokerContext } from '../context.ts'
import { askController, namedTwice, nothingLeft } from '../controller.ts'
import { createWithinQuota } from '../mutations.ts'

type Created = CreateTopicsResponse['topics'][number]

/** Asks the controller; errors are per resource in its answer. */
export async function createTopics(
  request: CreateTopicsRequest,
  call: Call,
  context: BrokerContext,
): Promise<CreateTopicsResponse> {
  const access = await authorised(context)
  const mayAll = clusterDenial(access, Operation.CREATE) === KafkaError.NONE
  const mayCreate = allowing(access, Operation.CREATE, Resource.TOPIC)
  const isDouble = namedTwice(request.topics.map(({ name }) => name))
  const { allowed: topics, denied: prohibited } = divided(
    request.topics,
    ({ name }) => name !== AUDIT_TOPIC,
  )
  const { allowed, denied } = divided(
    topics,
    ({ name }) => mayAll || name === METADATA_TOPIC || isDouble(name) || mayCreate(name),
  )
  const left = [...denied.map(refused), ...prohibited.map(prohibition)]
  if (nothingLeft(request.topics, allowed)) return { topics: left }
  const permitted = { ...request, topics: allowed }
  const answer = await createWithinQuota(permitted, call, context, (within) =>
    askController<CreateTopicsResponse>(
      context,
      (controller) => controller.createTopics(within, call.version),
      (notStored) => ({
        throttleTimeMs: 0,
        topics: within.topics.map(({ name }) => ({
          name,
          ...notStored,
          topicConfigErrorCode: KafkaError.NONE,
        })),
      }),
    ),
  )
  const mayDescribe = allowing(access, Operation.DESCRIBE_CONFIGS, Resource.TOPIC)
  const shown = answer.topics.map((topic) =>
    topic.errorCode !== KafkaError.NONE || mayDescribe(topic.name) ? topic : undescribed(topic),
  )
  return { ...answer, topics: [...shown, ...left] }
}

/** A new topic whose configuration the client may not see. */
function undescribed({ name, topicId, errorCode, errorMessage }: Created): Created {
  const topicConfigErrorCode = KafkaError.TOPIC_AUTHORIZATION_FAILED
  return { name, topicId, errorCode, errorMessage, topicConfigErrorCode, configs: [] }
}

function refused({ name }: { readonly name: string }): Created {
  const errorCode = KafkaError.TOPIC_AUTHORIZATION_FAILED
  return { ...NOT_MADE, name, errorCode, errorMessage: 'Authorization failed.' }
}

/** As the controller says it of the topic of the metadata. */
function prohibition({ name }: { readonly name: string }): Created {
  const errorMessage = `Creation of internal topic ${name} is prohibited.`
  return { ...NOT_MADE, name, errorCode: KafkaError.INVALID_REQUEST, errorMessage }
}

const NOT_MADE = { topicConfigErrorCode: KafkaError.NONE, configs: [] }
