// The keys that are in force here and now, with what each does.

import { Dialog } from '../parts/dialog.tsx'
import { bindings } from '../shell/keys.ts'

/** The dialog. */
export function Keys({ onClose }: { readonly onClose: () => void }) {
  // The last one bound to a key has it.
  const inForce = new Map(bindings.value.map(({ key, what }) => [key, what]))
  return (
    <Dialog title="Keys" onClose={onClose}>
      <dl class="key-list">
        {[...inForce].map(([key, what]) => (
          <div key={key}>
            <dt>
              {wordsOf(key).map((one) => (
                <kbd key={one}>{one}</kbd>
              ))}
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  )
}

/** A key as it is written on keyboards. */
export function wordsOf(key: string): readonly string[] {
  if (key.startsWith('mod+')) return ['Ctrl', key.slice('mod+'.length).toUpperCase()]
  if (key === 'Escape') return ['Esc']
  return key.split(' ')
}
