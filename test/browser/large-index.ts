// A page of another loopback origin reads the whole package index with fetch, before and after the broker is killed:
// the last scenario. Run by large.test.ts.

import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openBrowser } from './chromium.ts'
import type { Cluster } from './cluster.ts'
import { PACKAGES, PARTITIONS, packagesByPartition } from './data.ts'

/** A function that reader.html gives to this test. */
interface Reader {
  readPartition(
    origin: string,
    topic: string,
    partition: number,
  ): Promise<{ key: string; value: string }[]>
}

/** The scenario. */
export function index(cluster: Cluster): void {
  describe('a page of another origin', () => {
    it("reads Debian's package stanzas with fetch, identical and in order, before and after kill -9", async (context) => {
      await cluster.filled(context)
      const expected = await packagesByPartition(context)
      const html = readFileSync(join(import.meta.dirname, 'reader.html'))
      const pages = createServer((_, response) =>
        response.setHeader('content-type', 'text/html').end(html),
      )
      context.onTestFinished(() => {
        pages.closeAllConnections()
        pages.close()
      })
      await new Promise<void>((resolve) => pages.listen(0, '127.0.0.1', resolve))
      const page = await (await openBrowser(context)).newPage()
      context.onTestFinished(() => page.close())
      await page.goto(`http://localhost:${(pages.address() as AddressInfo).port}/`)
      const read = (partition: number) =>
        page.evaluate(
          ({ origin, topic, partition }) =>
            (globalThis as never as Reader).readPartition(origin, topic, partition),
          { origin: cluster.broker.http, topic: PACKAGES, partition },
        )
      for (let partition = 0; partition < PARTITIONS; partition++) {
        expect(await read(partition)).toEqual(expected[partition])
      }
      await cluster.kill()
      await cluster.goOn()
      expect(await read(3)).toEqual(expected[3])
    })
  })
}
