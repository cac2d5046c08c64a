// What the APIs that change topics, configurations and features answer when the controller's disk is full:
// KAFKA_STORAGE_ERROR for each resource of the request, in every version. Any other failure ends the connection.

import { describe, expect, it } from 'vitest'
import { alterClientQuotas } from '../../../src/broker/handlers/alter-client-quotas.ts'
import { alterConfigs } from '../../../src/broker/handlers/alter-configs.ts'
import { alterUserScramCredentials } from '../../../src/broker/handlers/alter-user-scram-credentials.ts'
import { createAcls } from '../../../src/broker/handlers/create-acls.ts'
import { createPartitions } from '../../../src/broker/handlers/create-partitions.ts'
import { createTopics } from '../../../src/broker/handlers/create-topics.ts'
import { deleteAcls } from '../../../src/broker/handlers/delete-acls.ts'
import { deleteTopics } from '../../../src/broker/handlers/delete-topics.ts'
import { incrementalAlterConfigs } from '../../../src/broker/handlers/incremental-alter-configs.ts'
import { updateFeatures } from '../../../src/broker/handlers/update-features.ts'
import type { ClusterRpc } from '../../../src/cluster/contract.ts'
import { KafkaError } from '../../../src/core/errors.ts'
import type { ZERO_TOPIC_ID } from '../../../src/core/ids.ts'
import { decodeResponse, encodeResponse } from '../../../src/protocol/codec.ts'
import { AlterClientQuotas } from '../../../src/protocol/messages/alter-client-quotas.ts'
import { AlterConfigs } from '../../../src/protocol/messages/alter-configs.ts'
import { AlterUserScramCredentials } from '../../../src/protocol/messages/alter-user-scram-credentials.ts'
import { CreateAcls } from '../../../src/protocol/messages/create-acls.ts'
import { CreatePartitions } from '../../../src/protocol/messages/create-partitions.ts'
import { CreateTopics } from '../../../src/protocol/messages/create-topics.ts'
import { DeleteAcls } from '../../../src/protocol/messages/delete-acls.ts'
import { DeleteTopics } from '../../../src/protocol/messages/delete-topics.ts'
import { IncrementalAlterConfigs } from '../../../src/protocol/messages/incremental-alter-configs.ts'
import { UpdateFeatures } from '../../../src/protocol/messages/update-features.ts'
import { ObjectCallError } from '../../../src/runtime/objects.ts'
import { OPEN_ACCESS } from '../../../src/security/access.ts'
import { fakeContext } from '../fakes.ts'

const resources = [{ resourceType: 2, resourceName: 't', configs: [] }]
const timed = { timeoutMs: 1, validateOnly: false }
const byId = [{ name: null, topicId: 'AAAAAAAAAAAAAAAAAAAAAQ' as typeof ZERO_TOPIC_ID }]
const feature = {
  feature: 'group.version',
  maxVersionLevel: 1,
  allowDowngrade: false,
  upgradeType: 1,
}
const creatable = { numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }
const more = { name: 'a', count: 2, assignments: null }

const RULE = {
  resourceType: 2,
  resourceName: 't',
  resourcePatternType: 3,
  principal: 'User:a',
  host: '*',
  operation: 3,
  permissionType: 3,
}
const FILTER = {
  resourceTypeFilter: 2,
  resourceNameFilter: null,
  patternTypeFilter: 3,
  principalFilter: null,
  hostFilter: null,
  operation: 3,
  permissionType: 3,
}

/** There is an authorizer, and it allows everything. */
function secured(context: ReturnType<typeof fakeContext>) {
  return { ...context, access: { ...OPEN_ACCESS, isOpen: false } }
}

/** Each API: its message, its call of the controller, and the handler with a request in a version. */
const CHANGES = {
  CreateTopics: [
    CreateTopics,
    'createTopics',
    (context, version) =>
      createTopics(
        { ...timed, topics: [{ name: 'a', ...creatable }] },
        { version, clientId: null },
        context,
      ),
  ],
  CreatePartitions: [
    CreatePartitions,
    'createPartitions',
    (context, version) =>
      createPartitions({ ...timed, topics: [more] }, { version, clientId: null }, context),
  ],
  DeleteTopics: [
    DeleteTopics,
    'deleteTopics',
    (context, version) =>
      deleteTopics(
        {
          timeoutMs: 1,
          topics: version < 6 ? [] : byId,
          topicNames: version < 6 ? ['a'] : [],
        },
        { version, clientId: null },
        context,
      ),
  ],
  AlterConfigs: [
    AlterConfigs,
    'alterConfigs',
    (context, version) =>
      alterConfigs({ resources, validateOnly: false }, { version, clientId: null }, context),
  ],
  IncrementalAlterConfigs: [
    IncrementalAlterConfigs,
    'incrementalAlterConfigs',
    (context, version) =>
      incrementalAlterConfigs(
        { resources, validateOnly: false },
        { version, clientId: null },
        context,
      ),
  ],
  UpdateFeatures: [
    UpdateFeatures,
    'updateFeatures',
    (context, version) =>
      updateFeatures(
        { timeoutMs: 1, featureUpdates: [feature], validateOnly: false },
        { version, clientId: null },
        context,
      ),
  ],
  CreateAcls: [
    CreateAcls,
    'createAcls',
    (context, version) =>
      createAcls({ creations: [RULE] }, { version, clientId: null }, secured(context)),
  ],
  DeleteAcls: [
    DeleteAcls,
    'deleteAcls',
    (context, version) =>
      deleteAcls({ filters: [FILTER] }, { version, clientId: null }, secured(context)),
  ],
  AlterClientQuotas: [
    AlterClientQuotas,
    'alterClientQuotas',
    (context, version) =>
      alterClientQuotas(
        { entries: [{ entity: [], ops: [] }], validateOnly: false },
        { version, clientId: null },
        context,
      ),
  ],
  AlterUserScramCredentials: [
    AlterUserScramCredentials,
    'alterScramCredentials',
    (context, version) =>
      alterUserScramCredentials(
        { deletions: [{ name: 'a', mechanism: 1 }], upsertions: [] },
        { version, clientId: null },
        context,
      ),
  ],
} satisfies Record<
  string,
  readonly [
    { readonly versions: readonly [number, number] },
    keyof ClusterRpc,
    (context: ReturnType<typeof fakeContext>, version: number) => Promise<object>,
  ]
>

function failing(call: string, message: string) {
  const fail = () => Promise.reject(new ObjectCallError(new Error(message)))
  return fakeContext({ cluster: { [call]: fail } })
}

describe('A change that the disk has no room for', () => {
  for (const [name, [api, call, handle]] of Object.entries(CHANGES)) {
    for (let version = api.versions[0]; version <= api.versions[1]; version++) {
      it(`gets KAFKA_STORAGE_ERROR for each resource: ${name} ${version}`, async () => {
        const answer = await handle(failing(call, 'database or disk is full: SQLITE_FULL'), version)
        const bytes = Buffer.concat(encodeResponse(api, version, 1, answer))
        const { body } = decodeResponse(api, version, bytes.subarray(4))
        const codes = [...JSON.stringify(body, text).matchAll(/"errorCode":(\d+)/g)].map(codeOf)
        expect(codes.length).toBeGreaterThan(0)
        expect(new Set(codes)).toEqual(new Set([KafkaError.KAFKA_STORAGE_ERROR]))
      })
    }

    it(`ends the connection when it failed for anything else: ${name}`, async () => {
      const context = failing(call, 'the object was reset')
      await expect(handle(context, api.versions[1])).rejects.toThrow('the object was reset')
    })
  }
})

function text(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value
}

function codeOf(match: RegExpMatchArray): number {
  return Number(match[1])
}
