// Bugs that are planted to prove that the simulation finds bugs: each is a change of the source as it is
// loaded (hooks.ts), so that src/ knows nothing of them. The seed that found each is in found.json. Whoever
// changes a line that a bug replaces gets a failing test, and mends the bug here.

import { LOG_LIFE_BUGS } from './planted-log-life.ts'
import { TIER_BUGS } from './planted-tier.ts'

/** A change of the source text. */
export interface Edit {
  /** Below src/. */
  readonly file: string
  /** Found in it exactly once. */
  readonly from: string
  readonly to: string
}

export interface PlantedBug {
  readonly name: string
  /** What goes wrong. */
  readonly what: string
  readonly scenario: string
  readonly edits: readonly Edit[]
}

const ANSWERS = 'partition/read-answers.ts'
const LOG = 'partition/log.ts'
const LOG_STATE = 'partition/log-state.ts'
const PRODUCERS = 'partition/producers.ts'
const MACHINE = 'transaction/transaction.ts'
const OFFSETS = 'group/offsets.ts'

export const PLANTED: readonly PlantedBug[] = [
  {
    name: 'marker-dropped',
    what: 'a participant that could not be told the end of a transaction counts as told',
    scenario: 'transactions',
    edits: [{ file: MACHINE, from: 'if (!done) {', to: 'if (false) {' }],
  },
  {
    name: 'verification-skipped',
    what: 'a partition takes a transactional batch without asking the coordinator',
    scenario: 'transactions',
    edits: [
      {
        file: 'partition/enlistments.ts',
        from: 'else this.#ask([{ append, transaction }])',
        to: 'else push({ ...append, transaction: (this.#options.state(producerId)?.endedNumber ?? 0) + 1 })',
      },
    ],
  },
  {
    name: 'dedupe-window-of-4',
    what: 'a partition remembers four batches of a producer that has five in flight',
    scenario: 'transactions',
    edits: [
      {
        file: 'partition/producer-state.ts',
        from: 'const REMEMBERED_BATCHES = 5',
        to: 'const REMEMBERED_BATCHES = 4',
      },
    ],
  },
  {
    name: 'marker-number-ignored',
    what: 'a partition takes a marker whatever transaction it is for',
    scenario: 'transactions',
    edits: [{ file: PRODUCERS, from: 'if (end.number !== null) {', to: 'if (false) {' }],
  },
  {
    name: 'stable-offset-before-durability',
    what: 'readers see a flush before it is confirmed on disk',
    scenario: 'transactions',
    edits: [
      {
        file: LOG,
        from: 'this.#producers.commit(plan.producers)\n',
        to: 'this.#producers.commit(plan.producers)\n    this.confirm()\n',
      },
    ],
  },
  {
    name: 'read-committed-to-the-high-watermark',
    what: 'a read_committed read goes beyond the last stable offset',
    scenario: 'transactions',
    edits: [
      {
        file: LOG_STATE,
        from: 'return readCommitted ? this.lastStableOffset : this.highWatermark',
        to: 'return readCommitted ? this.highWatermark : this.highWatermark',
      },
      {
        file: ANSWERS,
        from: 'const beyond = request.readCommitted ? log.lastStableOffset : log.highWatermark',
        to: 'const beyond = log.highWatermark',
      },
    ],
  },
  {
    name: 'aborted-transaction-forgotten',
    what: 'a partition does not keep which transactions were aborted',
    scenario: 'transactions',
    edits: [{ file: LOG, from: 'this.#store.aborted.insert(span, stable)', to: '' }],
  },
  {
    name: 'sequence-not-checked',
    what: 'a partition takes batches of a producer in any order',
    scenario: 'transactions',
    edits: [
      {
        file: PRODUCERS,
        from: 'return baseSequence === expected ? NEXT',
        to: 'return true ? NEXT',
      },
    ],
  },
  {
    name: 'stale-epoch-taken',
    what: 'a partition takes batches of an epoch that is over',
    scenario: 'transactions',
    edits: [
      {
        file: PRODUCERS,
        from: 'if (producerEpoch < state.epoch) return fenced(producerEpoch, state.epoch)\n    return baseSequence',
        to: 'return baseSequence',
      },
    ],
  },
  {
    name: 'epoch-not-raised-at-abort',
    what: 'the abort of a transaction whose producer is gone leaves the epoch as it is',
    scenario: 'transactions',
    edits: [{ file: MACHINE, from: '      bump: true,', to: '      bump: false,' }],
  },
  {
    name: 'initialisation-fences-nobody',
    what: 'InitProducerId answers the epoch that the producer before has',
    scenario: 'transactions',
    edits: [
      {
        file: 'transaction/init.ts',
        from: 'producerEpoch: producerEpoch + 1,',
        to: 'producerEpoch,',
      },
    ],
  },
  {
    name: 'producer-id-reused',
    what: 'every transactional id is given the same producer id',
    scenario: 'transactions',
    edits: [
      {
        file: 'transaction/object.ts',
        from: 'this.#machine.giveProducerId(first)',
        to: 'this.#machine.giveProducerId(Math.min(first, 1000))',
      },
    ],
  },
  {
    name: 'timeout-forgotten',
    what: 'nobody looks whether the time of a transaction is up',
    scenario: 'transactions',
    edits: [
      {
        file: MACHINE,
        from: "if (state.state === 'Ongoing') return state.startTimeMs + state.timeoutMs",
        to: "if (state.state === 'Ongoing') return Number.POSITIVE_INFINITY",
      },
    ],
  },
  {
    name: 'markers-not-resumed',
    what: 'a coordinator that was restarted tells nobody of the end that was decided',
    scenario: 'transactions',
    edits: [
      {
        file: MACHINE,
        from: 'if (this.#state !== null && isPreparing(this.#state)) this.#sendMarkers(nowMs, draft)',
        to: '',
      },
    ],
  },
  {
    name: 'participants-not-kept',
    what: 'a coordinator that was restarted does not know who takes part',
    scenario: 'transactions',
    edits: [
      {
        file: 'transaction/store.ts',
        from: 'const chunks = open ? readParticipants(storage, state.number) : []',
        to: 'const chunks = []',
      },
    ],
  },
  {
    name: 'answered-before-durable',
    what: 'a coordinator answers before what it decided is on disk',
    scenario: 'transactions',
    edits: [
      { file: 'runtime/machine.ts', from: '      await sync()\n', to: '      void sync()\n' },
    ],
  },
  {
    name: 'stale-end-taken',
    what: 'EndTxn of an epoch that is over ends the transaction of the producer that came after',
    scenario: 'transactions',
    edits: [
      {
        file: 'transaction/ending.ts',
        from: 'if (request.producerEpoch !== state.producerEpoch) return refused(KafkaError.PRODUCER_FENCED)',
        to: '',
      },
      {
        file: 'transaction/ending.ts',
        from: 'if (!repeated && request.producerEpoch !== producerEpoch) {',
        to: 'if (false) {',
      },
    ],
  },
  {
    name: 'waiting-request-never-answered',
    what: 'who waits for the end of the transaction before is never answered',
    scenario: 'transactions',
    edits: [
      {
        file: MACHINE,
        from: 'for (const { command, ticket } of parked) this.#join(command, ticket, nowMs, draft)',
        to: '',
      },
    ],
  },
  {
    name: 'pending-offsets-taken-at-abort',
    what: 'a group takes the offsets of a transaction over though it was aborted',
    scenario: 'transactions',
    edits: [{ file: OFFSETS, from: 'if (!committed) continue', to: '' }],
  },
  {
    name: 'pending-offsets-dropped-at-commit',
    what: 'a group forgets the offsets of a transaction that is committed',
    scenario: 'transactions',
    edits: [{ file: OFFSETS, from: 'if (!committed) continue', to: 'continue' }],
  },
  {
    name: 'pending-offsets-in-memory',
    what: 'a group does not keep pending offsets',
    scenario: 'transactions',
    edits: [
      {
        file: 'group/commits.ts',
        from: '{ ...offset, expiresMs: null })\n    write([change], out)',
        to: '{ ...offset, expiresMs: null })\n    void change',
      },
    ],
  },
  {
    name: 'offset-of-fenced-member-taken',
    what: 'a classic group takes the commit of a generation that is over',
    scenario: 'classic-group',
    edits: [
      {
        file: 'group/classic/offset-checks.ts',
        from: '    if (generationOrEpoch !== state.generation) return KafkaError.ILLEGAL_GENERATION\n',
        to: '',
      },
    ],
  },
  {
    name: 'heartbeat-of-old-generation-accepted',
    what: 'a classic group lets a member of an old generation go on',
    scenario: 'classic-group',
    edits: [
      {
        file: 'group/classic/classic-group.ts',
        from: 'if (generationId !== state.generation) return KafkaError.ILLEGAL_GENERATION\n  state.prolong',
        to: 'state.prolong',
      },
    ],
  },
  {
    name: 'generation-not-persisted',
    what: 'a classic group that was restarted counts its generations from the beginning',
    scenario: 'classic-group',
    edits: [
      {
        file: 'group/classic/group-state.ts',
        from: '    this.generation = from.generation\n    this.lastGeneration = from.lastGeneration',
        to: '    this.generation = 0\n    this.lastGeneration = 0',
      },
    ],
  },
  {
    name: 'sync-of-another-generation-answered',
    what: 'a classic group answers a sync of a generation that is over with the assignment of now',
    scenario: 'late-syncs',
    edits: [
      {
        file: 'group/classic/syncing.ts',
        from: 'if (generationId !== state.generation) return KafkaError.ILLEGAL_GENERATION\n  const differs',
        to: 'const differs',
      },
    ],
  },
  {
    name: 'silent-member-kept',
    what: 'a classic group never puts out a member that is silent',
    scenario: 'classic-group',
    edits: [
      {
        file: 'group/classic/classic-group.ts',
        from: 'if (nowMs >= state.sessionsDueMs) endSessions(state, step, now)',
        to: '',
      },
    ],
  },
  {
    name: 'static-member-not-fenced',
    what: 'a static member goes on after another has taken its place',
    scenario: 'classic-group',
    edits: [
      {
        file: 'group/classic/group-state.ts',
        from: 'if (current !== memberId) return KafkaError.FENCED_INSTANCE_ID\n    }\n    return this.roster.get(memberId) === undefined ? KafkaError.UNKNOWN_MEMBER_ID : KafkaError.NONE',
        to: '}\n    return this.roster.get(memberId) === undefined && instanceId === null ? KafkaError.UNKNOWN_MEMBER_ID : KafkaError.NONE',
      },
    ],
  },
  {
    name: 'deadline-not-reset',
    what: 'a heartbeat does not prolong the session of its member',
    scenario: 'group-outage',
    edits: [
      {
        file: 'group/classic/classic-group.ts',
        from: 'return KafkaError.ILLEGAL_GENERATION\n  state.prolong(member, now)',
        to: 'return KafkaError.ILLEGAL_GENERATION',
      },
    ],
  },
  {
    name: 'deadline-not-reset-at-load',
    what: 'members of a classic group that is loaded again are expected at once',
    scenario: 'group-outage',
    edits: [
      {
        file: 'group/classic/group-state.ts',
        from: 'this.setDeadline(member, nowMs + one.sessionTimeoutMs)',
        to: 'this.setDeadline(member, nowMs)',
      },
    ],
  },
  {
    name: 'given-before-revoked',
    what: 'a consumer group gives a partition to a member while another still has it',
    scenario: 'consumer-group',
    edits: [
      {
        file: 'group/consumer/owners.ts',
        from: 'return this.#byTopic.get(topicId)?.has(partition) !== true',
        to: 'return true',
      },
      {
        file: 'group/consumer/owners.ts',
        from: 'if (this.conflicts(partitions, memberId)) {',
        to: 'if (false) {',
      },
    ],
  },
  {
    name: 'revocation-not-awaited',
    what: 'a consumer group takes a partition back without waiting for its member to give it up',
    scenario: 'consumer-group',
    edits: [
      {
        file: 'group/consumer/current-assignment.ts',
        from: 'return owned === null || overlap(revoking, owned)',
        to: 'return false',
      },
    ],
  },
  {
    name: 'commit-of-stale-epoch-taken',
    what: 'a consumer group takes the commit of a member at an epoch that is over',
    scenario: 'consumer-group',
    edits: [
      {
        file: 'group/consumer/offset-checks.ts',
        from: 'if (epoch === member.epoch) return KafkaError.NONE',
        to: 'return KafkaError.NONE',
      },
    ],
  },
  {
    name: 'upgrade-forgets-assignments',
    what: 'a group that is upgraded gives what its classic members have to the first new one',
    scenario: 'migration',
    edits: [
      {
        file: 'group/consumer/migration.ts',
        from: '    assigned,\n    target: assigned,\n',
        to: '',
      },
    ],
  },
  {
    name: 'upgrade-forgets-sessions',
    what: 'a group that is upgraded waits for ever for classic members that are silent',
    scenario: 'migration',
    edits: [
      {
        file: 'group/consumer/migration.ts',
        from: "state.timers.set(carried.memberId, 'session', now.nowMs + member.sessionTimeoutMs)",
        to: '',
      },
    ],
  },
  {
    name: 'upgrade-leaves-joins-unanswered',
    what: 'members that wait in a rebalance are not answered when the group is upgraded',
    scenario: 'migration',
    edits: [
      {
        file: 'group/membership-requests.ts',
        from: 'take(group.membership.releaseTickets(KafkaError.REBALANCE_IN_PROGRESS), out)',
        to: '',
      },
    ],
  },
  {
    name: 'downgrade-forgets-rebalance',
    what: 'a group that was downgraded and lacks something counts as stable when it is loaded again',
    scenario: 'migration',
    edits: [
      {
        file: 'group/classic/classic-group.ts',
        from: 'if (group.needsRebalance === true && members.length > 0) state.awaitMembers(nowMs)',
        to: '',
      },
    ],
  },
  {
    name: 'classic-member-not-told-to-rejoin',
    what: 'a classic member of a consumer group does not hear that what it waits for is free',
    scenario: 'migration',
    edits: [
      {
        file: 'group/consumer/classic-requests.ts',
        from: "return member.state === 'UNRELEASED_PARTITIONS' && !waits(state, member)",
        to: 'return false',
      },
    ],
  },
  {
    name: 'fence-in-memory-alone',
    what: 'a partition that is fenced does not keep it',
    scenario: 'deleted-log',
    edits: [{ file: LOG, from: '      this.#store.saveDeleted()\n', to: '' }],
  },
  {
    name: 'objects-outlive-their-topic',
    what: 'a partition that is freed leaves its objects in the tier',
    scenario: 'deleted-log',
    edits: [
      {
        file: 'partition/leader.ts',
        from: 'const isErased = await this.#log.tiering.deleteAll()',
        to: 'const isErased = true',
      },
    ],
  },
  ...LOG_LIFE_BUGS,
  ...TIER_BUGS,
]

/** What hunt.ts has recorded of a bug. */
export interface Found {
  /** Each finds it: the first among 1,000, and perhaps a few more. */
  readonly seeds: readonly number[]
  /** By this. */
  readonly invariant: string
}
