import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const SRC = import.meta.dirname
const STORIES = join(SRC, '../stories')

/** What draws nothing by itself. */
const WITHOUT = [
  'ui/ErrorBoundary.tsx',
  'ui/lazyPart.tsx',
  'charts/ChartMarks.tsx',
  'charts/ChartTooltip.tsx',
  'charts/Drawing.tsx',
  'charts/ReadableChart.tsx',
]

test('each shared widget has a story', () => {
  const told = readdirSync(STORIES)
    .filter((name) => name.endsWith('.tsx'))
    .map((name) => readFileSync(join(STORIES, name), 'utf8'))
    .join('\n')
  const widgets = ['ui', 'charts', 'widgets'].flatMap((folder) =>
    readdirSync(join(SRC, folder))
      .filter((name) => /^[A-Z].*\.tsx$/.test(name))
      .map((name) => `${folder}/${name}`),
  )

  const untold = widgets.filter(
    (name) => !WITHOUT.includes(name) && !told.includes(`'@/${name.replace('.tsx', '')}'`),
  )

  expect(untold).toEqual([])
})
