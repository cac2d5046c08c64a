// Vitest's last words on lines of their own, for whoever reads only those: what passed only when it was tried again,
// each by its name, and then `N passed, N failed`. What could not even be loaded, and an error outside any
// test, count as failed. Skipped tests are in the summary above.

import { relative } from 'node:path'
import type { Reporter, TestModule } from 'vitest/node'

/** Prints the lines after the summary of the reporter before it. */
export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    let passed = 0
    let failed = errors.length
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        if (state === 'passed') passed++
        if (state === 'failed') failed++
        if (state === 'passed' && test.diagnostic()?.flaky) {
          const file = relative(process.cwd(), module.moduleId)
          print(`passed on the second attempt: ${file} > ${test.fullName}`)
        }
      }
      // Errors of the file itself or of a group's hooks, which belong to no test.
      failed += module.errors().length
      for (const group of module.children.allSuites()) failed += group.errors().length
    }
    print(`${passed} passed, ${failed} failed`)
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
