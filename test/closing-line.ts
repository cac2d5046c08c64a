// Vitest's last word on its own line, `N passed, N failed`, for whoever reads only that. What could not
// even be loaded, and an error outside any test, count as failed. Skipped tests are in the summary above.

import type { Reporter, TestModule } from 'vitest/node'

/** Prints the line after the summary of the reporter before it. */
export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    let passed = 0
    let failed = errors.length
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        if (state === 'passed') passed++
        if (state === 'failed') failed++
      }
      // Errors of the file itself or of a group's hooks, which belong to no test.
      failed += module.errors().length
      for (const group of module.children.allSuites()) failed += group.errors().length
    }
    process.stdout.write(`${passed} passed, ${failed} failed\n`)
  }
}
