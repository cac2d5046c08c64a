// Ottla as a broker that asks everybody who they are, with what an installation in use has to look up: users, many access
// rules and quotas. Started as the open one is (ottla.ts); its data is removed when it stops. Proves before it is
// measured that it refuses and slows down whom it should.

import { setTimeout as sleep } from 'node:timers/promises'
import { decodeResponse } from '../../../src/protocol/codec.ts'
import { AlterClientQuotas } from '../../../src/protocol/messages/alter-client-quotas.ts'
import { CreateAcls } from '../../../src/protocol/messages/create-acls.ts'
import { Produce } from '../../../src/protocol/messages/produce.ts'
import type { RequestToSend } from '../../../src/protocol/schema.ts'
import { Operation, Resource } from '../../../src/security/access.ts'
import { ANY_HOST, PatternType, Permission } from '../../../src/security/acl.ts'
import { ADMIN, authenticate, makeUsers, PASSWORD } from '../../clients/secured.ts'
import { Wire } from '../../clients/wire.ts'
import { LoadClient } from '../client.ts'
import { PRODUCE_VERSION, produceRequest, TOPIC } from '../kafka.ts'
import { launch, workerdOf } from '../launcher.ts'
import { type Login, logInPlain } from '../load/logins.ts'
import { refuseError } from '../scale/requests.ts'
import { announceOttla, type KafkaSystem } from './ottla.ts'

/** Who makes topics. */
export const ADMIN_LOGIN: Login = { user: ADMIN, password: PASSWORD }
/** Who may write to the bench's topic and read it, and has quotas that are never reached. */
export const USER: Login = { user: 'loader', password: PASSWORD }
/** Who has a quota that any request exceeds, and may do nothing. */
const STRANGER: Login = { user: 'stranger', password: PASSWORD }

const OTHER_RULES = 200
const FAR_ABOVE = 1e12
const FAR_BELOW = 1
const QUOTAS_VERSION = 1
const ACLS_VERSION = 3
const TOPIC_AUTHORIZATION_FAILED = 29
/** Quotas are read by the way, at most some seconds after they were changed. */
const THROTTLED_WITHIN_MS = 15_000
const AGAIN_MS = 100

type Rule = RequestToSend<typeof CreateAcls>['creations'][number]

/** Starts Ottla on an empty folder that is removed at the end; nobody is asked anything. */
export async function startOpen(): Promise<KafkaSystem> {
  const { pid, kafkaPort, stop } = await launch(process.execPath, null)
  announceOttla()
  return { pid: workerdOf(pid), kafkaPort, stop }
}

/** Starts it with a secret and audit, and makes users, rules and quotas. */
export async function startSecured(): Promise<KafkaSystem> {
  const env = { OTTLA_SECRET: PASSWORD, OTTLA_USER: ADMIN }
  const configs = ['ottla.audit.enable=true']
  const { pid, kafkaPort, stop } = await launch(process.execPath, null, configs, env)
  announceOttla()
  const admin = await Wire.open({ host: '127.0.0.1', port: kafkaPort })
  refuseError('the first user', await authenticate(admin, ADMIN, PASSWORD))
  await makeUsers(admin, [USER.user, STRANGER.user])
  await makeQuotas(admin)
  const creations = [...rulesOfUser(), ...otherRules()]
  const { results } = await admin.call(CreateAcls, ACLS_VERSION, { creations })
  for (const { errorCode } of results) refuseError('CreateAcls', errorCode)
  admin.close()
  await refusesStranger(kafkaPort)
  return { pid: workerdOf(pid), kafkaPort, stop }
}

async function makeQuotas(admin: Wire): Promise<void> {
  const entry = (user: string, value: number) => ({
    entity: [{ entityType: 'user', entityName: user }],
    ops: ['producer_byte_rate', 'consumer_byte_rate'].map((key) => {
      return { key, value, remove: false }
    }),
  })
  const { entries } = await admin.call(AlterClientQuotas, QUOTAS_VERSION, {
    entries: [entry(USER.user, FAR_ABOVE), entry(STRANGER.user, FAR_BELOW)],
    validateOnly: false,
  })
  for (const { errorCode } of entries) refuseError('AlterClientQuotas', errorCode)
}

function rulesOfUser(): Rule[] {
  const rule = { resourceName: TOPIC, resourcePatternType: PatternType.LITERAL }
  return [
    { ...allowed(USER.user), ...rule, operation: Operation.WRITE },
    { ...allowed(USER.user), ...rule, operation: Operation.READ },
  ]
}

/** A quarter each: of others on the same topic, of others on theirs, of the same user elsewhere, and prefixes. */
function otherRules(): Rule[] {
  return Array.from({ length: OTHER_RULES }, (_, index) => {
    const operation = Operation.READ
    const named = (resourceName: string) => ({
      resourceName,
      resourcePatternType: PatternType.LITERAL,
    })
    const other = allowed(`other-${index}`)
    if (index % 4 === 0) return { ...other, ...named(TOPIC), operation }
    if (index % 4 === 1) return { ...other, ...named(`topic-${index}`), operation }
    if (index % 4 === 2) return { ...allowed(USER.user), ...named(`topic-${index}`), operation }
    const resourceName = `${'t'.repeat(1 + (index % 16))}-`
    return { ...other, resourceName, resourcePatternType: PatternType.PREFIXED, operation }
  })
}

function allowed(user: string) {
  return {
    resourceType: Resource.TOPIC,
    principal: `User:${user}`,
    host: ANY_HOST,
    permissionType: Permission.ALLOW,
  }
}

/** Else a broker that looks nothing up would be the fastest. */
async function refusesStranger(port: number): Promise<void> {
  const client = await LoadClient.open(port)
  await logInPlain(client, STRANGER)
  const untilMs = performance.now() + THROTTLED_WITHIN_MS
  for (;;) {
    const answer = await client.call(produceRequest(1))
    const { responses, throttleTimeMs } = decodeResponse(Produce, PRODUCE_VERSION, answer).body
    const errorCode = responses[0]?.partitionResponses[0]?.errorCode
    if (errorCode !== TOPIC_AUTHORIZATION_FAILED) throw new Error(`a stranger got ${errorCode}`)
    if (throttleTimeMs > 0) break
    if (performance.now() > untilMs) throw new Error('a stranger was not throttled')
    await sleep(AGAIN_MS)
  }
  client.close()
}
