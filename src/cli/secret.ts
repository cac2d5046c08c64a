// The one secret of a broker as the command line is given it: in OTTLA_SECRET, or in a file. Never on the command line,
// where every user of the machine can read it, and never shown.

import { readFileSync } from 'node:fs'
import { EnvironmentName, secretProblem } from '../core/env.ts'

/** What is wrong with a secret; null when nothing is. */
export function badSecret(secret: string): string | null {
  const problem = secretProblem(secret)
  return problem === null ? null : `the secret ${problem}`
}

/** The secret in a file, whose last newline is no part of it; or why there is none. */
export function secretInFile(
  file: string,
  flag = '--secret-file',
): string | { readonly reason: string } {
  let text: string
  try {
    text = readFileSync(file, 'utf8').replace(/\r?\n$/, '')
  } catch {
    return { reason: `${flag} ${file} cannot be read` }
  }
  return text === '' ? { reason: `${flag} ${file} is empty` } : text
}

/**
 * Puts the secret where workerd will find it, in this process's environment, and checks it there. Answers what is
 * wrong; null when nothing is, or there is none.
 */
export function settleSecret(file: string | null): string | null {
  if (file !== null) {
    const secret = secretInFile(file)
    if (typeof secret !== 'string') return secret.reason
    process.env[EnvironmentName.SECRET] = secret
  }
  const secret = process.env[EnvironmentName.SECRET] ?? ''
  return secret === '' ? null : badSecret(secret)
}
