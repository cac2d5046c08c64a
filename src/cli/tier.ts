// The launcher's side of the tier: its settings checked before anything is touched, its directory made and
// found usable, and what a killed workerd left in it removed. Not the store: that is the Worker's (src/tier).

import { realpathSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative, resolve, sep } from 'node:path'
import { EnvironmentName } from '../core/env.ts'
import { TIER_CALL_MS } from '../core/limits/tier.ts'
import { TierSetting, tierSettings } from '../core/tier-settings.ts'
import { makeFolder } from './data-folder.ts'

/** What workerd's configuration needs to know. */
export type LocalTier =
  | { readonly kind: 'directory'; readonly path: string }
  | {
      readonly kind: 's3'
      readonly isTls: boolean
      /** Names of environment variables that workerd hands to the Worker. */
      readonly credentials: readonly string[]
    }

export interface TierRefusal {
  readonly kind: 'refused'
  readonly reason: string
}

/** The tier of a configuration, and the configuration with its path made absolute. */
export interface TierPlan {
  readonly kind: 'plan'
  readonly tier: LocalTier | null
  readonly config: Readonly<Record<string, string>>
}

const SWITCH = 'remote.log.storage.system.enable'

/** Checks what is configured; touches nothing. */
export function planTier(
  config: Readonly<Record<string, string>>,
  env: Readonly<Record<string, string | undefined>>,
): TierPlan | TierRefusal {
  const settings = tierSettings(config)
  if ('error' in settings) return refused(`--set: ${settings.error}`)
  const { tier } = settings
  switch (tier?.kind) {
    case 'directory': {
      const path = resolve(tier.path)
      return {
        kind: 'plan',
        tier: { kind: 'directory', path },
        config: { ...config, [TierSetting.DIRECTORY]: path },
      }
    }
    case 's3': {
      const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = EnvironmentName
      const missing = [AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY].filter((name) => !env[name])
      if (missing.length > 0) {
        const verb = missing.length === 1 ? 'is' : 'are'
        return refused(
          `${TierSetting.ENDPOINT} needs credentials: ${missing.join(' and ')} ${verb} not set`,
        )
      }
      const credentials = [AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN]
      return {
        kind: 'plan',
        tier: {
          kind: 's3',
          isTls: tier.endpoint.startsWith('https:'),
          credentials: credentials.filter((name) => env[name]),
        },
        config,
      }
    }
    case undefined:
      if (config[SWITCH] !== 'true') return { kind: 'plan', tier: null, config }
      return refused(`--set: ${SWITCH} needs ${TierSetting.DIRECTORY} or ${TierSetting.ENDPOINT}`)
  }
}

/**
 * Makes the directory where there is none, and proves that it can be written.
 * @returns why it cannot be the tier's, or null
 */
export function openTierDirectory(path: string, dataPath: string): string | null {
  const name = TierSetting.DIRECTORY
  try {
    makeFolder(path)
    const own = realpathSync(path)
    const data = realpathSync(dataPath)
    if (isWithin(own, data) || isWithin(data, own)) {
      return `${name} ${path} and the data folder ${dataPath} must lie apart`
    }
    // Named so that the disk service does not show it.
    const probe = join(own, `.ottla-${process.pid}`)
    writeFileSync(probe, '')
    rmSync(probe)
    return null
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error
    return `${name} ${path} is not writable: ${String(error.code)}`
  }
}

/** True of the folder itself too. */
function isWithin(path: string, folder: string): boolean {
  const way = relative(folder, path)
  return way === '' || !(way === '..' || way.startsWith(`..${sep}`))
}

/** What workerd's disk service writes to before it renames: `.<name>.<process>.<number>.tmp`. */
const LEFTOVER = /^\..+\.\d+\.\d+\.tmp$/

/** Older than any put that can still be under way, of whichever broker. */
const LEFTOVER_AGE_MS = 2 * TIER_CALL_MS

/**
 * Removes files whose put did not end because workerd was killed, and folders that nothing is in any more:
 * the disk service can do neither. Bothers nobody when it fails: the next start tries again.
 */
export async function removeLeftovers(folder: string, nowMs: number): Promise<void> {
  const { readdir, rmdir, stat, unlink } = await import('node:fs/promises')
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
  for (const entry of entries) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) {
      await removeLeftovers(path, nowMs)
      // Refused of one that holds anything.
      await rmdir(path).catch(() => {})
    } else if (entry.isFile() && LEFTOVER.test(entry.name)) {
      const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: nowMs }))
      if (mtimeMs < nowMs - LEFTOVER_AGE_MS) await unlink(path).catch(() => {})
    }
  }
}

function refused(reason: string): TierRefusal {
  return { kind: 'refused', reason }
}
