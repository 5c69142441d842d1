import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { expect, test } from 'vitest'

const SRC = import.meta.dirname

/** Which folders a folder may import from, besides itself. */
const MAY_IMPORT: Record<string, string[]> = {
  lib: ['wire'],
  api: ['lib', 'wire'],
  live: ['api', 'lib', 'wire'],
  ui: ['api', 'lib', 'live', 'wire'],
  charts: ['api', 'lib', 'ui', 'wire'],
  view: ['api', 'lib', 'ui', 'wire'],
  widgets: ['api', 'charts', 'lib', 'live', 'ui', 'view', 'wire'],
  pages: ['api', 'charts', 'lib', 'live', 'ui', 'view', 'widgets', 'wire'],
  frame: ['api', 'lib', 'live', 'registry', 'ui', 'view', 'widgets', 'wire'],
}

const LINES_MAX = 250

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((name) =>
  /\.tsx?$/.test(name),
)

/** The files of ours that a file imports, from the root of the sources. */
function importsOf(name: string): string[] {
  const text = readFileSync(join(SRC, name), 'utf8')
  return [...text.matchAll(/(?:from|import) ?\(?'([^']+)'/g)]
    .map(([, path = '']) => path)
    .filter((path) => path.startsWith('@/') || path.startsWith('.'))
    .map((path) => (path.startsWith('@/') ? path.slice(2) : normalize(join(dirname(name), path))))
}

test('folders import only from those below them', () => {
  const wrong = files.flatMap((name) => {
    const folder = name.split('/')[0] ?? ''
    const allowed = MAY_IMPORT[folder]
    if (!allowed) return []
    return importsOf(name)
      .filter((path) => ![folder, ...allowed].includes(path.split('/')[0] ?? ''))
      .map((path) => `${name} imports ${path}`)
  })

  expect(wrong).toEqual([])
})

test('no page imports from another', () => {
  const pageOf = (path: string) => path.split('/')[1]
  const wrong = files
    .filter((name) => name.startsWith('pages/'))
    .flatMap((name) =>
      importsOf(name)
        .filter((path) => path.startsWith('pages/') && pageOf(path) !== pageOf(name))
        .map((path) => `${name} imports ${path}`),
    )

  expect(wrong).toEqual([])
})

test('no component is over 250 lines', () => {
  const long = files
    .filter((name) => name.endsWith('.tsx'))
    .map((name) => ({ name, lines: readFileSync(join(SRC, name), 'utf8').split('\n').length - 1 }))
    .filter(({ lines }) => lines > LINES_MAX)

  expect(long).toEqual([])
})
