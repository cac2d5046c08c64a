// AlterUserScramCredentials (key 51), version 0 (KIP-554). What is kept of a password is made here, so that the salted
// password, by which one could log in, goes no further. The controller decides. Logins go by it at once, what HTTP
// remembers of a password is dropped within SECURITY_CACHE_MS.

import type { ScramChanges } from '../../cluster/contract.ts'
import { errorMessage, KafkaError } from '../../core/errors.ts'
import type {
  AlterUserScramCredentialsRequest,
  AlterUserScramCredentialsResponse,
} from '../../protocol/messages/alter-user-scram-credentials.ts'
import { Operation } from '../../security/access.ts'
import { type ScramCredential, ScramMechanism } from '../../security/kept.ts'
import { credentialOf, type ScramName } from '../../security/scram.ts'
import { authorised, clusterDenial } from '../authorise.ts'
import type { Call } from '../call.ts'
import type { BrokerContext } from '../context.ts'
import { askController, type NotStored } from '../controller.ts'

type Upsertion = AlterUserScramCredentialsRequest['upsertions'][number]

/** Asks the controller; errors are per user in its answer. */
export async function alterUserScramCredentials(
  request: AlterUserScramCredentialsRequest,
  _call: Call,
  context: BrokerContext,
): Promise<AlterUserScramCredentialsResponse> {
  const { deletions } = request
  const users = new Set([...deletions, ...request.upsertions].map(({ name }) => name))
  const ofAll = (result: Partial<NotStored> & { errorCode: number }) => ({
    results: [...users].map((user) => ({ user, ...result })),
  })
  const denied = clusterDenial(await authorised(context), Operation.ALTER)
  if (denied !== KafkaError.NONE) {
    return ofAll({ errorCode: denied, errorMessage: errorMessage(denied) })
  }
  const upsertions: ScramChanges['upsertions'][number][] = []
  for (const upsertion of request.upsertions) {
    const { name, mechanism } = upsertion
    upsertions.push({ name, mechanism, credential: await keptOf(upsertion) })
  }
  const response = await askController(
    context,
    (controller) => controller.alterScramCredentials({ deletions, upsertions }),
    (notStored) => ofAll(notStored),
  )
  context.security.changed()
  return response
}

const NAMES: ReadonlyMap<number, ScramName> = new Map([
  [ScramMechanism.SCRAM_SHA_256, 'SCRAM-SHA-256'],
  [ScramMechanism.SCRAM_SHA_512, 'SCRAM-SHA-512'],
])
const NO_KEY = new Uint8Array(0)

/** Without keys where none can be made, which the controller refuses. */
async function keptOf(upsertion: Upsertion): Promise<ScramCredential> {
  const { iterations, saltedPassword } = upsertion
  // Of its own: the frame's bytes are used again, and a call would carry all of them.
  const salt = upsertion.salt.slice()
  const mechanism = NAMES.get(upsertion.mechanism)
  if (mechanism === undefined || saltedPassword.byteLength === 0) {
    return { salt, iterations, storedKey: NO_KEY, serverKey: NO_KEY }
  }
  return credentialOf(mechanism, saltedPassword, salt, iterations)
}
