// The console's first file: theme, keys, router, then the shell. Everything else is loaded by views.

import { render } from 'preact'
// In the first chunk, because every view has them: as chunks of their own they would be requests more.
import './broker/reading.ts'
import './parts/dialog.tsx'
import './parts/fields.tsx'
import './parts/name.tsx'
import './parts/pill.tsx'
import './parts/table.tsx'
import './parts/tabs.tsx'
import './parts/row-keys.ts'
import './parts/states.tsx'
import './reading/search.ts'
import './views/groups/state.tsx'
import { startKeys } from './shell/keys.ts'
import { startRouter } from './shell/router.ts'
import { Shell } from './shell/shell.tsx'
import { applyTheme } from './shell/theme.ts'

applyTheme()
startKeys()
startRouter()
const root = document.querySelector('#app')
if (root !== null) render(<Shell />, root)
