// The messages of a topic: where to begin, what to look for, the list, and one of them in detail.

import { useState } from 'preact/hooks'
import { agree, isAgreed } from '../../filter/filter.ts'
import { forgotten, type SearchPlan, searchOf } from '../../reading/search.ts'
import { useKey } from '../../shell/keys.ts'
import { query, setQuery } from '../../shell/router.ts'
import { Detail } from './detail.tsx'
import { Found } from './found.tsx'
import { Live } from './live.tsx'
import { type Asked, askedOf } from './plan.ts'
import { Toolbar } from './toolbar.tsx'

/** The tab. */
export function MessagesTab({ topic }: { readonly topic: string }) {
  const asked = askedOf(query.value)
  const [, setAgreed] = useState(0)
  useKey('l', 'Follow live, or stop', () => {
    setQuery({ from: asked.mode === 'live' ? null : 'live', at: null }, { replace: false })
  })
  const waits = asked.code !== '' && !isAgreed(asked.code)
  const onAgree = () => {
    agree(asked.code)
    setAgreed((count) => count + 1)
  }
  return (
    <div class="messages" data-detail={asked.at !== ''}>
      <div class="messages-main">
        <Toolbar topic={topic} asked={asked} />
        {waits ? (
          <Agreement code={asked.code} onAgree={onAgree} />
        ) : (
          <Body topic={topic} asked={asked} />
        )}
      </div>
      {asked.at !== '' && <Detail key={asked.at} topic={topic} at={asked.at} />}
    </div>
  )
}

function Body({ topic, asked }: { readonly topic: string; readonly asked: Asked }) {
  if (asked.mode === 'live') {
    const { key, text, code, partition, at } = asked
    const plan = { topic, key, text, code, partition }
    return <Live key={JSON.stringify(plan)} plan={plan} at={at} />
  }
  // Read so that the list is drawn again, with a new search, when this topic's were forgotten.
  const generation = forgotten.value
  const search = searchOf(planOf(topic, asked))
  return <Found key={generation} search={search} at={asked.at} />
}

/** Only what counts, so that the same search is one search. */
export function planOf(topic: string, asked: Asked): SearchPlan {
  const { mode, offset, time, partition, key, text, code } = asked
  return {
    topic,
    from: mode === 'live' ? 'newest' : mode,
    offset: mode === 'offset' ? offset : 0,
    time: mode === 'time' ? time : 0,
    partition,
    key,
    text,
    code,
  }
}

/** Code that came by a link runs only when somebody has seen it. */
function Agreement({ code, onAgree }: { readonly code: string; readonly onAgree: () => void }) {
  return (
    <div class="agreement">
      <h2>This link has a filter</h2>
      <p>
        It is JavaScript that looks at each record, in a frame that reaches neither this page nor a
        network.
      </p>
      <pre class="mono code-block">{code}</pre>
      <div class="view-actions">
        <button type="button" class="button button-main" onClick={onAgree}>
          Run it
        </button>
        <button type="button" class="button" onClick={() => setQuery({ js: null })}>
          Go on without it
        </button>
      </div>
    </div>
  )
}
