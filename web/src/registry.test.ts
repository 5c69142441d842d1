import { expect, test } from 'vitest'
import { GROUPS, navigationFor, PAGES, pageAt, pagesFor } from './registry'

const admin = { role: 'admin', scope: null } as const
const viewer = { role: 'viewer', scope: null } as const
const member = { role: 'member', scope: 'acme' } as const

test('no two pages share a path or a key', () => {
  const keys = PAGES.flatMap(({ key }) => key ?? [])

  expect(new Set(PAGES.map(({ path }) => path)).size).toBe(PAGES.length)
  expect(new Set(keys).size).toBe(keys.length)
})

test('groups stand in their order, and none is empty', () => {
  for (const who of [admin, viewer, member]) {
    const groups = navigationFor(who)

    expect(groups.map(({ group }) => group)).toEqual(
      GROUPS.filter((group) => groups.some((one) => one.group === group)),
    )
    expect(groups.every(({ pages }) => pages.length > 0)).toBe(true)
  }
})

test('nobody is led to a page that would refuse them', () => {
  const paths = (who: typeof admin | typeof viewer | typeof member) =>
    pagesFor(who).map(({ path }) => path)

  expect(paths(member)).toContain('/alerts')
  expect(paths(member)).not.toContain('/system')
  expect(paths(viewer)).not.toContain('/people')
  expect(paths(admin)).toEqual(PAGES.map(({ path }) => path))
})

test('a page is found by its path, for those who have it', () => {
  expect(pageAt('/alerts', admin)?.title).toBe('Alerts')
  expect(pageAt('/system', member)).toBeUndefined()
  expect(pageAt('/nowhere', admin)).toBeUndefined()
})

test('a phone has room for four pages and the rest of them', () => {
  const phone = PAGES.filter(({ isOnPhone }) => isOnPhone).map(({ title }) => title)

  expect(phone.toSorted()).toEqual(['Alerts', 'Budgets', 'Explore', 'Overview'])
})
