import { expect, test } from 'vitest'
import { found } from './palette'

const targets = [
  { label: 'Budgets', hint: 'g b' },
  { label: 'gpt-4o-mini', hint: 'Model' },
  { label: 'gpt-4o', hint: 'Model' },
  { label: 'New budget', hint: 'Do' },
  { label: 'openai', hint: 'Provider' },
]
const labels = (text: string, max = 10) => found(targets, text, max).map(({ label }) => label)

test('every word must be in the label or the kind', () => {
  expect(labels('openai provider')).toEqual(['openai'])
  expect(labels('openai model')).toEqual([])
})

test('the name itself comes before those that begin with it', () => {
  expect(labels('gpt-4o')).toEqual(['gpt-4o', 'gpt-4o-mini'])
})

test('what begins with the text comes before what only has it', () => {
  expect(labels('budget')).toEqual(['Budgets', 'New budget'])
})

test('no more are listed than are asked for', () => {
  expect(labels('', 2)).toHaveLength(2)
})
