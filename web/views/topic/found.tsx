// What a search has found, how far it is, and how to go on or stop it.

import { useEffect } from 'preact/hooks'
import { useShownSince } from '../../broker/age.ts'
import { BrokerError, DISCONNECTED, disconnectedSince } from '../../broker/http.ts'
import { useMayWithTopic } from '../../broker/me.ts'
import { Menu } from '../../parts/fields.tsx'
import { counted } from '../../parts/format.ts'
import { Icon } from '../../parts/icon.tsx'
import { Failure, Nothing } from '../../parts/states.tsx'
import { isPicky } from '../../reading/match.ts'
import { FOUND_MAX, forgetSearches, type Search } from '../../reading/search.ts'
import { announce } from '../../shell/announce.tsx'
import { useKey } from '../../shell/keys.ts'
import { setQuery } from '../../shell/router.ts'
import { exportAs } from './export.ts'
import { MessageList } from './list.tsx'
import { useSelection } from './selection.ts'

/** A search's list. */
export function Found({ search, at }: { readonly search: Search; readonly at: string }) {
  const items = search.found.value
  const { state, scanned, error } = search.progress.value
  const { plan } = search
  const picky = isPicky(plan) || plan.code !== ''
  useSelection(items, at)
  useShownSince(search.readAt.value)
  const isAnswered = disconnectedSince.value === null
  useEffect(() => {
    // What failed because nobody answered goes on when somebody does.
    if (isAnswered && isDisconnected(search.progress.peek().error)) void search.go()
  }, [isAnswered])
  useKey('r', 'Read again', () => readAgain(plan.topic))
  useEffect(() => {
    const isStopped = search.progress.peek().state === 'stopped'
    if (isStopped && search.found.peek().length === 0) void search.go()
    // When this goes nobody sees what it would find.
    return () => search.stop()
  }, [search])
  useEffect(() => {
    if (picky) announce(`${counted(scanned, 'record')} scanned, ${items.length} found`)
  }, [scanned, items.length, picky])
  return (
    <>
      <div class="list-head">
        <p class="muted">
          <Words search={search} picky={picky} />
        </p>
        <div class="view-actions">
          {state === 'running' && picky && (
            <button type="button" class="button" onClick={() => search.stop()}>
              <Icon name="stop" /> Stop
            </button>
          )}
          <button type="button" class="button" onClick={() => readAgain(plan.topic)}>
            Read again
          </button>
          <Menu
            label="More about these messages"
            actions={[
              {
                label: 'Export as JSON',
                icon: 'download',
                run: () => exportAs('json', plan.topic, items),
              },
              {
                label: 'Export as CSV',
                icon: 'download',
                run: () => exportAs('csv', plan.topic, items),
              },
            ]}
          />
        </div>
      </div>
      <Failure
        what={error instanceof BrokerError ? 'The messages could not be read' : 'The filter failed'}
        error={error === undefined || error instanceof BrokerError ? error : filterFailure(error)}
        again={() => void search.go()}
      />
      {items.length === 0 && state === 'over' ? (
        <NothingFound topic={plan.topic} picky={picky} isEmpty={isEmpty(search)} />
      ) : (
        (state !== 'failed' || items.length > 0) && (
          <MessageList items={items} at={at} isLoading={state === 'running'} />
        )
      )}
      <Further search={search} />
    </>
  )
}

function isDisconnected(error: Error | undefined): boolean {
  return error instanceof BrokerError && error.code === DISCONNECTED
}

/** A filter's failure in the form of the broker's. */
function filterFailure(error: Error): BrokerError {
  return new BrokerError('FILTER', 0, error.message)
}

function readAgain(topic: string): void {
  setQuery({ at: null })
  forgetSearches(topic)
}

function isEmpty(search: Search): boolean {
  const partitions = search.partitions.value
  return partitions?.every(({ start, end }) => start === end) ?? false
}

function Words({ search, picky }: { readonly search: Search; readonly picky: boolean }) {
  const { state, scanned } = search.progress.value
  const found = search.found.value.length
  if (picky) {
    const words = `${counted(scanned, 'record')} scanned, ${counted(found, 'match', 'matches')}`
    if (state === 'running') return <>{words} so far…</>
    return (
      <>{`${words}${state === 'stopped' ? ', stopped' : state === 'over' ? ', to the end' : ''}`}</>
    )
  }
  if (state === 'running' && found === 0) return <>Reading…</>
  if (found === 0) return null
  const order = search.isBackward ? 'newest first' : 'oldest first'
  return <>{`${counted(found, 'message')}, ${order}${state === 'over' ? ', all there are' : ''}`}</>
}

function NothingFound({
  topic,
  picky,
  isEmpty,
}: {
  readonly topic: string
  readonly picky: boolean
  readonly isEmpty: boolean
}) {
  const may = useMayWithTopic(topic)
  if (picky && !isEmpty) {
    return (
      <Nothing title="No message matches">
        <button
          type="button"
          class="button"
          onClick={() => setQuery({ key: null, text: null, js: null, partition: null })}
        >
          Show all messages
        </button>
      </Nothing>
    )
  }
  if (!isEmpty)
    return (
      <Nothing title="There is no message from here on">
        Begin somewhere else, or follow live.
      </Nothing>
    )
  return (
    <Nothing title="This topic has no messages">
      <div class="view-actions centered">
        {may('WRITE') && (
          <a class="button button-main" href="?tab=produce">
            Produce one
          </a>
        )}
        <a class="button" href="?from=live">
          Wait for one
        </a>
      </div>
    </Nothing>
  )
}

function Further({ search }: { readonly search: Search }) {
  const { state } = search.progress.value
  const { length } = search.found.value
  if (length >= FOUND_MAX) {
    return (
      <p class="further muted">
        These are the first {counted(length, 'message')}; look for fewer to see the rest.
      </p>
    )
  }
  if (state !== 'paused' && state !== 'stopped') return <p class="further" />
  return (
    <p class="further">
      <button type="button" class="button" onClick={() => void search.go()}>
        {state === 'stopped' ? 'Go on' : search.isBackward ? 'Older' : 'Newer'}
      </button>
    </p>
  )
}
