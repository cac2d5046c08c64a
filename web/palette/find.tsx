// Going to anything by a part of its name: views, topics, groups, transactional ids. The broker is asked when
// the typing pauses; what it answers for an earlier text is thrown away.

import { useEffect, useId, useRef, useState } from 'preact/hooks'
import { Dialog, Refusal } from '../parts/dialog.tsx'
import { Icon } from '../parts/icon.tsx'
import { Name } from '../parts/name.tsx'
import { go } from '../shell/router.ts'
import { type Place, usePlaces } from './places.ts'

/** The dialog. */
export function Find({
  views,
  onClose,
}: {
  readonly views: readonly Place[]
  readonly onClose: () => void
}) {
  const [text, setText] = useState('')
  const [at, setAt] = useState(0)
  const id = useId()
  const list = useRef<HTMLDivElement>(null)
  const { places, isSearching, error } = usePlaces(views, text)
  const chosen = Math.min(at, places.length - 1)
  useEffect(() => {
    list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' })
  }, [chosen, places])
  const follow = (place: Place | undefined) => {
    if (place === undefined) return
    onClose()
    // After the dialog has given the focus back: the view that comes takes it.
    queueMicrotask(() => go(place.href))
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Enter') follow(places[chosen])
    else if (event.key === 'ArrowDown') setAt((chosen + 1) % Math.max(1, places.length))
    else if (event.key === 'ArrowUp') {
      setAt((chosen - 1 + places.length) % Math.max(1, places.length))
    } else return
    event.preventDefault()
  }
  return (
    <Dialog title="Go to" onClose={onClose}>
      <label class="search palette-search">
        <span class="only-read">Part of a name</span>
        <Icon name="search" />
        <input
          autofocus
          class="input"
          role="combobox"
          aria-expanded="true"
          aria-controls={id}
          aria-autocomplete="list"
          {...(places.length === 0 ? {} : { 'aria-activedescendant': `${id}-${chosen}` })}
          placeholder="A topic, a group, a transactional id, a view"
          value={text}
          spellcheck={false}
          autocomplete="off"
          onKeyDown={onKeyDown}
          onInput={({ currentTarget }) => {
            setText(currentTarget.value)
            setAt(0)
          }}
        />
      </label>
      <div ref={list} id={id} class="palette-list" role="listbox" aria-label="Places">
        {places.map((place, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are the field's, as a combobox has them.
          <div
            key={place.href}
            id={`${id}-${index}`}
            class="palette-place"
            role="option"
            tabIndex={-1}
            aria-selected={index === chosen}
            onClick={() => follow(place)}
          >
            <Icon name={place.icon} />
            <Name text={place.name} />
            <span class="muted">{place.kind}</span>
          </div>
        ))}
      </div>
      <Refusal error={error} />
      <p class="muted palette-words" role="status">
        {isSearching
          ? 'Searching…'
          : places.length === 0
            ? `Nothing has “${text}” in its name.`
            : `${places.length} ${places.length === 1 ? 'place' : 'places'}`}
      </p>
    </Dialog>
  )
}
