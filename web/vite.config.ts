import { fileURLToPath } from 'node:url'
import react from '@vitejs/plugin-react'
import { defineConfig, type Plugin } from 'vite'

/** Where `npm run dev` finds the server whose data it shows. */
const server = process.env.OUTLAY_URL ?? 'http://127.0.0.1:8440'

function place(path: string): string {
  return fileURLToPath(new URL(path, import.meta.url))
}

/** Asks for the font together with the script, so that the first text is set in it. */
function preloadFont(): Plugin {
  return {
    name: 'preload-font',
    transformIndexHtml: {
      order: 'post',
      handler(_html, { bundle }) {
        const font = Object.keys(bundle ?? {}).find((name) => name.includes('inter-latin-wght'))
        if (!font) return []
        const attrs = {
          rel: 'preload',
          as: 'font',
          type: 'font/woff2',
          href: `/${font}`,
          crossorigin: '',
        }
        return [{ tag: 'link', attrs, injectTo: 'head' as const }]
      },
    },
  }
}

export default defineConfig({
  plugins: [react(), preloadFont()],
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
            { name: 'early', test: /\/src\/early\.ts$/, priority: 2 },
            { name: 'first', tags: ['$initial'], priority: 1 },
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
