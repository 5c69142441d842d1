import { fileURLToPath } from 'node:url'
import type { InlineConfig, UserConfig } from 'vite'
import pages from '../vite.config'

const place = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** The stories are built beside the pages, never into them: into `outDir`. */
export function storiesConfig(outDir: string): InlineConfig {
  const { plugins = [], ...config } = pages as UserConfig
  return {
    ...config,
    // No story needs a server, so none asks who is signed in.
    plugins: plugins.filter((one) => !(one && 'name' in one && one.name === 'preload-first')),
    configFile: false,
    logLevel: 'error',
    root: place('.'),
    publicDir: false,
    build: { target: 'es2022', assetsInlineLimit: 0, outDir, emptyOutDir: true },
  }
}
