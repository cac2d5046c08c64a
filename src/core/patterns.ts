// Regular expressions that clients send (RE2 syntax: KIP-848's subscriptions, KIP-1152's filters), compiled
// by an engine whose time is linear in the text, within bounds of their own. The engine is loaded when the
// first one is met: a start must not pay for it. Not what they are matched against.

import { PATTERN_CHARACTERS, PATTERN_INSTRUCTIONS } from './limits/coordinators.ts'

/** A compiled pattern. */
export interface Pattern {
  /** Whether it matches the whole text. */
  matches(text: string): boolean
}

let engine: typeof import('re2js') | null = null

/** To be awaited before the first pattern is compiled; free once it was. */
export async function loadPatterns(): Promise<void> {
  engine ??= await import('re2js')
}

/** The compiled pattern, or what is wrong with it. */
export function compilePattern(text: string): Pattern | string {
  if (text.length > PATTERN_CHARACTERS) return `longer than ${PATTERN_CHARACTERS} characters`
  if (engine === null) throw new Error('patterns are compiled after loadPatterns')
  const { RE2JS, RE2JSException, RE2JSSyntaxException } = engine
  try {
    const compiled = RE2JS.compile(text)
    if (compiled.programSize() > PATTERN_INSTRUCTIONS) return 'expression too large'
    return { matches: (name) => compiled.testExact(name) }
  } catch (error) {
    if (error instanceof RE2JSSyntaxException) return error.getDescription()
    if (error instanceof RE2JSException) return error.message
    throw error
  }
}
