// Four kinds of tests: pure (Node, many, fast), workerd (Durable Object shells, few), clients (a broker
// that the test starts, real clients) and browser (the same, and Chromium). `npm test` runs all of them.

import { cloudflareTest } from '@cloudflare/vitest-plugin'
import { defineConfig } from 'vitest/config'
import { wasmModules } from './wasm-plugin.ts'

export default defineConfig({
  test: {
    reporters: ['default', 'test/closing-line.ts'],
    projects: [
      {
        plugins: [wasmModules()],
        test: {
          name: 'pure',
          globalSetup: 'test/build.ts',
          include: [
            'test/{core,record,protocol,tier,security,runtime,partition,cluster,group,transaction,watch,statistics,broker,http,live,tunnel,client,web,cli,simulation,bench,faults/checks}/**/*.test.ts',
          ],
          exclude: ['test/cli/launcher/**'],
          environment: 'node',
        },
      },
      {
        plugins: [cloudflareTest({ wrangler: { configPath: 'wrangler.toml' } })],
        test: {
          name: 'workerd',
          globalSetup: 'test/build.ts',
          include: ['test/workerd/**/*.test.ts'],
          testTimeout: 20_000,
        },
      },
      {
        plugins: [wasmModules()],
        test: {
          name: 'clients',
          globalSetup: 'test/build.ts',
          include: ['test/{cli/launcher,clients,faults/runs}/**/*.test.ts'],
          environment: 'node',
          testTimeout: 120_000,
          hookTimeout: 60_000,
          // Each file starts a broker of its own: one at a time, so that they do not slow each other.
          fileParallelism: false,
        },
      },
      {
        plugins: [wasmModules()],
        test: {
          name: 'browser',
          globalSetup: 'test/build.ts',
          include: ['test/browser/**/*.test.ts'],
          environment: 'node',
          testTimeout: 120_000,
          hookTimeout: 60_000,
          fileParallelism: false,
        },
      },
    ],
  },
})
