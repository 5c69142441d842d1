import { expect, test } from 'vitest'
import type { SavedView } from '@/wire'
import { draftOfView, isChanged, linkOfSaved, viewOfSaved, viewWords } from './savedViews'
import { DEFAULT_VIEW, readView, type View } from './view'

const VIEW: View = {
  period: { kind: 'custom', from: '2026-01-01', to: '2026-01-31' },
  tz: 'Europe/Berlin',
  filters: [
    { attribute: 'provider', op: 'in', values: ['openai', 'a,b'] },
    { attribute: 'model', op: 'prefix', values: ['gpt'] },
  ],
  compare: false,
  by: ['model', 'tag.feature'],
  measure: 'tokens',
  every: 'week',
  shown: 'heat',
}

function saved(view: View, sort: string | null = null, columns: string | null = null): SavedView {
  const draft = draftOfView('January', view, { sort, columns })
  const kept = { id: '0198', owner: 'ada', mine: true, changeable: true }
  const at = '2026-02-01T00:00:00Z'
  return { ...kept, created_at: at, changed_at: at, ...draft } as SavedView
}

test('a view that is kept is the view that it was', () => {
  expect(viewOfSaved(saved(VIEW))).toEqual(VIEW)
  expect(viewOfSaved(saved(DEFAULT_VIEW))).toEqual(DEFAULT_VIEW)
})

test('its link holds all of it, and which one it is', () => {
  const link = new URL(linkOfSaved(saved(VIEW, '-spend', 'model,spend')), 'http://outlay')

  expect(readView(link.searchParams)).toEqual(VIEW)
  expect(link.searchParams.get('sort')).toBe('-spend')
  expect(link.searchParams.get('columns')).toBe('model,spend')
  expect(link.searchParams.get('view')).toBe('0198')
})

test('a page shows something else once anything of it changed', () => {
  const kept = saved(VIEW, 'spend')

  expect(isChanged(kept, VIEW, { sort: 'spend', columns: null })).toBe(false)
  expect(isChanged(kept, VIEW, { sort: '-spend', columns: null })).toBe(true)
  expect(isChanged(kept, { ...VIEW, shown: 'chart' }, { sort: 'spend', columns: null })).toBe(true)
  expect(isChanged(kept, { ...VIEW, filters: [] }, { sort: 'spend', columns: null })).toBe(true)
})

test('a view is told in a line', () => {
  expect(viewWords(VIEW)).toBe(
    'Tokens by model and tag feature, where provider is openai or a,b and model begins with gpt',
  )
  expect(viewWords({ ...DEFAULT_VIEW, by: [] })).toBe('Spend')
})
