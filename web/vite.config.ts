import { fileURLToPath } from 'node:url'
import react from '@vitejs/plugin-react'
import { defineConfig, type HtmlTagDescriptor, type Plugin } from 'vite'

/** Where `npm run dev` finds the server whose data it shows. */
const server = process.env.OUTLAY_URL ?? 'http://127.0.0.1:8440'

function place(path: string): string {
  return fileURLToPath(new URL(path, import.meta.url))
}

/** What the page cannot do without, asked for together with its scripts and not after them. */
function preloadFirst(): Plugin {
  const preload = (href: string, attrs: Record<string, string>): HtmlTagDescriptor => ({
    tag: 'link',
    attrs: { rel: 'preload', href, crossorigin: '', ...attrs },
  })
  return {
    name: 'preload-first',
    transformIndexHtml: {
      order: 'post',
      handler(_html, { bundle }) {
        // Who is signed in comes before all else: whatever is asked depends on it, and a browser asks
        // for six things at a time. The font comes last: text can wait for it.
        const session = preload('/api/v1/session', { as: 'fetch' })
        const fonts = Object.keys(bundle ?? {}).filter((name) => name.includes('inter-latin-wght'))
        return [
          { ...session, injectTo: 'head-prepend' },
          ...fonts.map(
            (name): HtmlTagDescriptor => ({
              ...preload(`/${name}`, { as: 'font', type: 'font/woff2' }),
              injectTo: 'head',
            }),
          ),
        ]
      },
    },
  }
}

export default defineConfig({
  plugins: [react(), preloadFirst()],
  resolve: {
    alias: {
      '@outlay/client': place('../clients/typescript/src/index.ts'),
      '@': place('./src'),
    },
  },
  build: {
    target: 'es2022',
    // A font inside a style sheet would be refused by the content security policy.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 1000,
    // What comes before the first chart is one script: in twenty parts it took as many trips, six at a
    // time, and on a phone's network each is a sixth of a second.
    rolldownOptions: {
      // Apart from it stands what asks for the first answers meanwhile, with all that it names.
      output: {
        codeSplitting: {
          groups: [
            { name: 'early', test: /\/src\/early\.ts$|rolldown\/runtime/, priority: 2 },
            { name: 'first', tags: ['$initial'], priority: 1 },
            { name: 'live', test: /\/(socket|engine)\.io-/ },
          ],
        },
      },
    },
  },
  server: {
    fs: { allow: [place('.'), place('../clients/typescript/src')] },
    proxy: { '/api': server, '/socket.io': { target: server, ws: true } },
  },
  test: { include: ['src/**/*.test.ts'] },
} as Parameters<typeof defineConfig>[0])
