// The life of a log of which the older part is in an object store: the same producers, readers and failures as in
// log-life.ts, and a store that is slow, fails, loses its answers, or does what it was asked to late or twice.

import type { TopicSettings } from '../../../src/core/configs.ts'
import type { LimitValues } from '../limits.ts'
import { drawBucketProfile, SimulatedBucket } from '../platform/bucket.ts'
import { withFaultyStorage } from '../platform/hazards.ts'
import type { Random } from '../platform/random.ts'
import { drawLimits, liveLog } from './log-life.ts'
import type { Scenario } from './scenario.ts'

/** A call to the store is given up, and what it asked for may still happen. */
const CALL_MS = 5_000
export const LATE_PUT_MS = 40_000

export const tieredLog: Scenario = {
  name: 'tiered-log',
  async run(world, events) {
    const { random, hazards } = world
    hazards.profile = withFaultyStorage(hazards.profile, random)
    const limits = { ...drawLimits(random), ...drawTierLimits(random) }
    world.bucket = new SimulatedBucket(drawBucketProfile(random, LATE_PUT_MS - 1_000), world)
    const draw = () => drawTieredSettings(random)
    await liveLog(world, events, { limits, settings: draw(), draw })
  },
}

export function drawTierLimits(random: Random): LimitValues {
  return {
    TIER_CALL_MS: CALL_MS,
    TIER_LATE_PUT_MS: LATE_PUT_MS,
    TIER_UPLOAD_BYTES: random.pick([500, 3_000, 8_000_000]),
    TIER_SEGMENT_CHUNKS: random.pick([1, 4, 16_384]),
    TIER_READ_AHEAD_BYTES: random.pick([100, 2_000, 1_000_000]),
    TIER_READ_BACK_BYTES: random.pick([300, 2_000_000]),
    TIER_INDEXES_TOTAL_BYTES: random.pick([0, 2_000_000]),
    TIER_RETRY_MIN_MS: random.pick([100, 1_000]),
    TIER_RETRY_MAX_MS: 20_000,
    TIER_RESUME_MS: random.pick([3_000, 180_000]),
    TIER_TURN_MS: 200,
    TIER_DROP_SEGMENTS: random.pick([1, 100]),
    TIER_GARBAGE_AT_ONCE: random.pick([1, 3, 100]),
    TIER_LIST_OBJECTS: random.pick([1, 3, 1_000]),
    TIER_SWEEP_MS: random.pick([2_000, 86_400_000]),
  }
}

export function drawTieredSettings(random: Random): Partial<TopicSettings> {
  const retentionBytes = random.pick([-1, -1, 3_000, 15_000])
  const retentionMs = random.pick([-1, 10_000, 60_000, 604_800_000])
  return {
    cleanupDelete: true,
    cleanupCompact: false,
    segmentBytes: random.pick([300, 1_000, 3_000]),
    segmentMs: random.pick([3_000, 60_000, 604_800_000]),
    retentionBytes,
    retentionMs,
    retentionCheckMs: random.pick([300, 5_000]),
    remoteEnabled: true,
    localRetentionBytes: random.pick([-1, 0, 1_000]),
    localRetentionMs: random.pick([-1, 500, 10_000]),
    tierIntervalMs: random.pick([100, 2_000]),
  }
}
