import { describe, expect, test } from 'vitest'
import {
  type ColourStore,
  colourBook,
  OTHER_COLOUR,
  OTHER_KEY,
  PALETTE,
  slotVariable,
  type Theme,
} from './colour'

/** Machado, Oliveira and Fernandes (2009), full strength, on linear RGB. */
const VISION: Record<string, number[][]> = {
  usual: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  'without red': [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  'without green': [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  'without blue': [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
}

function linear(hex: string): number[] {
  return [1, 3, 5].map((at) => {
    const channel = Number.parseInt(hex.slice(at, at + 2), 16) / 255
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4
  })
}

function times(rows: number[][], vector: number[]): number[] {
  return rows.map((row) => row.reduce((sum, factor, at) => sum + factor * (vector[at] ?? 0), 0))
}

function oklab(rgb: number[]): number[] {
  const cone = times(
    [
      [0.4122214708, 0.5363325363, 0.0514459929],
      [0.2119034982, 0.6806995451, 0.1073969566],
      [0.0883024619, 0.2817188376, 0.6299787005],
    ],
    rgb.map((channel) => Math.min(1, Math.max(0, channel))),
  ).map(Math.cbrt)
  return times(
    [
      [0.2104542553, 0.793617785, -0.0040720468],
      [1.9779984951, -2.428592205, 0.4505937099],
      [0.0259040371, 0.7827717662, -0.808675766],
    ],
    cone,
  )
}

function distance(a: string, b: string, vision: number[][]): number {
  const [one, two] = [a, b].map((hex) => oklab(times(vision, linear(hex))))
  return Math.hypot(...(one ?? []).map((value, at) => value - (two?.[at] ?? 0)))
}

describe.each(['light', 'dark'] as Theme[])('the %s palette', (theme) => {
  test.each(Object.entries(VISION))('keeps its colours apart for eyes: %s', (_name, vision) => {
    const colours = [...PALETTE[theme], OTHER_COLOUR[theme]]
    for (const [at, a] of colours.entries()) {
      for (const b of colours.slice(at + 1)) {
        expect(distance(a, b, vision), `${a} and ${b}`).toBeGreaterThan(0.09)
      }
    }
  })
})

function remembering(): ColourStore & { text: () => string } {
  let text: string | null = null
  return {
    getItem: () => text,
    setItem: (_key, next) => {
      text = next
    },
    text: () => text ?? '',
  }
}

describe('the colour of a name', () => {
  test('is the same for a provider in every company, whoever was met first', () => {
    const alone = colourBook(null)('provider', ['openai']).get('openai')
    const late = colourBook(null)
    late('provider', ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'])
    expect(late('provider', ['a', 'openai']).get('openai')).toBe(alone)
  })

  test('does not depend on the order of the rows', () => {
    const names = ['search', 'chat', 'embed', 'agents']
    expect(colourBook(null)('team', names)).toEqual(colourBook(null)('team', names.toReversed()))
  })

  test('is not moved by filters, measures or names that come later', () => {
    const book = colourBook(null)
    const first = book('model', ['a', 'b', 'c', 'd', 'e', 'f', 'g'])
    book('model', ['h', 'i', 'j', 'k'])
    for (const some of [['c'], ['g', 'a'], ['k', 'b', 'e'], ['a', 'b', 'c', 'd', 'e', 'f', 'g']]) {
      const slots = book('model', some)
      for (const name of some) {
        if (first.has(name)) expect(slots.get(name), name).toBe(first.get(name))
      }
    }
  })

  test('is its own among sixteen, full hues first', () => {
    const book = colourBook(null)
    const eight = book('team', ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'])
    expect([...eight.values()].every((slot) => slot !== null && slot < 8)).toBe(true)
    const more = book('team', ['i', 'j', 'k', 'l', 'm', 'n', 'o', 'p'])
    expect(new Set([...eight.values(), ...more.values()]).size).toBe(16)
  })

  test('is another beside those it first stands with, however many there were before', () => {
    const book = colourBook(null)
    for (let at = 0; at < 300; at++) {
      const seven = Array.from({ length: 7 }, (_, place) => `model ${at * 7 + place}`)
      expect(new Set(book('model', seven).values()).size).toBe(7)
    }
  })

  test('is remembered by the browser, without the name', () => {
    const store = remembering()
    const before = colourBook(store)('account', ['acme', 'globex', 'initech'])
    expect(colourBook(store)('account', ['initech', 'acme', 'umbrella']).get('acme')).toBe(
      before.get('acme'),
    )
    expect(store.text()).not.toContain('acme')
  })

  test('survives a storage that is broken', () => {
    const broken: ColourStore = {
      getItem: () => 'not JSON',
      setItem: () => {
        throw new Error('full')
      },
    }
    const book = colourBook(broken)
    expect(book('team', ['x']).get('x')).toBe(book('team', ['x']).get('x'))
  })

  test('stays when another tab has decided on other names', () => {
    const store = remembering()
    const [one, two] = [colourBook(store), colourBook(store)]
    const first = one('team', ['x']).get('x')
    two('team', ['y'])
    expect(colourBook(store)('team', ['x']).get('x')).toBe(first)
  })

  test('is grey for what has no name', () => {
    const slots = colourBook(null)('team', ['', OTHER_KEY, 'x'])
    expect([slots.get(''), slots.get(OTHER_KEY)]).toEqual([null, null])
    expect(slotVariable(null)).toBe('var(--category-other)')
  })
})
