// How the console is built: one style sheet, one first chunk, a chunk per view. `src/cli/from-source.mjs`
// runs it and says where to; nothing of it is loaded from another host.

import { defineConfig } from 'vite'

export default defineConfig({
  root: import.meta.dirname,
  build: {
    outDir: '../dist/web',
    emptyOutDir: true,
    target: 'es2023',
    // Those that know light-dark(): what is said once is otherwise written out for both themes.
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    // A style sheet per view would be a request per view, and a shift when it comes late.
    cssCodeSplit: false,
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    // What is loaded first is one file: the bundler would take apart what later chunks share of it.
    rolldownOptions: {
      output: { codeSplitting: { groups: [{ name: 'first', tags: ['$initial'] }] } },
    },
  },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
})
