// Four kinds of tests: pure (Node, many, fast), workerd (Durable Object shells, few), clients (a broker
// that the test starts, real clients) and browser (the same, and Chromium). `npm test` runs all of them: the
// first three beside each other, because clients mostly wait, and then the browser's one at a time. So is the kill
// test (`kills`), whose deaths come at times that a busy machine would stretch.

import { availableParallelism } from 'node:os'
import { cloudflareTest } from '@cloudflare/vitest-plugin'
import { defineConfig } from 'vitest/config'
import FileOrder from './file-order.ts'
import { wasmModules } from './wasm-plugin.ts'

/** Test files at a time, of all but the browser's: more of them than cores, because most wait for processes and timers. */
const maxWorkers = Math.min(8, 2 * availableParallelism())

/**
 * Of tests that wait for other processes: what fails once and then passes is no failure, but is named in the closing
 * lines (closing-line.ts). Pure tests and those of objects have no such excuse.
 */
const retry = 1

/** Of `expect.poll`, unless it says how long: it ends as soon as it holds, and a busy machine takes its time. */
const expect = { poll: { timeout: 15_000 } }

const KILLS = 'test/faults/runs/kill.test.ts'

export default defineConfig({
  test: {
    reporters: ['default', 'test/closing-line.ts'],
    sequence: { sequencer: FileOrder },
    projects: [
      {
        plugins: [wasmModules()],
        test: {
          name: 'pure',
          globalSetup: 'test/build.ts',
          expect,
          include: [
            'test/{core,record,protocol,tier,security,runtime,partition,cluster,group,transaction,watch,statistics,broker,http,live,tunnel,client,web,cli,simulation,bench,fuzz,faults/checks}/**/*.test.ts',
          ],
          exclude: ['test/cli/launcher/**', 'test/fuzz/runs/**'],
          environment: 'node',
          maxWorkers,
          // Beside others and on a busy machine a test takes several times what it takes alone.
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        plugins: [cloudflareTest({ wrangler: { configPath: 'wrangler.toml' } })],
        test: {
          name: 'workerd',
          globalSetup: 'test/build.ts',
          expect,
          include: ['test/workerd/**/*.test.ts'],
          maxWorkers,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        plugins: [wasmModules()],
        test: {
          name: 'clients',
          globalSetup: 'test/build.ts',
          expect,
          include: ['test/{cli/launcher,clients,faults/runs,fuzz/runs}/**/*.test.ts'],
          exclude: [KILLS],
          environment: 'node',
          // Each file starts a broker of its own, on ports that are free.
          maxWorkers,
          retry,
          testTimeout: 120_000,
          hookTimeout: 60_000,
        },
      },
      {
        plugins: [wasmModules()],
        test: {
          name: 'browser',
          globalSetup: 'test/build.ts',
          include: ['test/browser/**/*.test.ts'],
          environment: 'node',
          // Pages of one file at once: with more than a small machine has cores for each is only slower.
          maxConcurrency: 3,
          // What a page shows comes when it comes; what never comes fails all the same.
          expect: { poll: { interval: 50, timeout: 30_000 } },
          retry,
          testTimeout: 120_000,
          hookTimeout: 60_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'kills',
          globalSetup: 'test/build.ts',
          include: [KILLS],
          environment: 'node',
          retry,
          fileParallelism: false,
        },
      },
    ],
  },
})
