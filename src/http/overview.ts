// The cluster in a sentence, and in numbers, from what the Statistics object knows. Not the figures themselves
// (statistics/).

import type { Overview } from '../statistics/contract.ts'

/** What is said of the cluster first. */
export interface Health {
  /** `empty`: there are no topics yet. `attention`: somebody should look. */
  readonly status: 'ok' | 'attention' | 'empty'
  /** One sentence for a person. */
  readonly sentence: string
}

/** The cluster's health, in words. */
export function healthOf(overview: Overview): Health {
  const { topics, deadGroups, troubles, worstGroups } = overview
  const said = Object.entries(troubles).sort(([, a], [, b]) => b - a)
  const [worst] = said
  if (worst !== undefined) {
    const [name] = worst
    const count = said.reduce((sum, [, errors]) => sum + errors, 0)
    const sentence = `${count} ${count === 1 ? 'request' : 'requests'} failed in the last five minutes, most with ${name}.`
    return { status: 'attention', sentence }
  }
  if (deadGroups > 0) {
    const dead = worstGroups.find(({ members }) => members === 0)
    const example = dead === undefined ? '' : `, ${dead.groupId} by ${counted(dead.lag, 'record')}`
    const sentence = `${counted(deadGroups, 'group')} with nobody in ${deadGroups === 1 ? 'it' : 'them'} ${deadGroups === 1 ? 'falls' : 'fall'} behind${example}.`
    return { status: 'attention', sentence }
  }
  if (topics === 0)
    return { status: 'empty', sentence: 'The cluster is ready and has no topics yet.' }
  const [behind] = worstGroups
  const lag =
    behind === undefined
      ? 'no group lags'
      : `${behind.groupId} lags most, by ${counted(behind.lag, 'record')}`
  return { status: 'ok', sentence: `All is well: ${counted(topics, 'topic')}, ${lag}.` }
}

function counted(count: number, noun: string): string {
  return `${count.toLocaleString('en-US')} ${noun}${count === 1 ? '' : 's'}`
}
