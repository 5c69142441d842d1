import { describe, expect, test } from 'vitest'
import {
  type Bars,
  barAt,
  extent,
  type Line,
  layOut,
  type Mark,
  niceTicks,
  type Sheet,
} from './sheet'

const [WIDTH, HEIGHT] = [344, 134]

function bars(id: string, values: Bars['values'], stack = 'all'): Bars {
  return { kind: 'bars', id, stack, values, paint: { fill: id } }
}

function line(values: Line['values'], more: Partial<Line> = {}): Line {
  return { kind: 'line', id: 'line', values, paint: { stroke: 'ink' }, ...more }
}

function sheet(marks: Mark[], more: Partial<Sheet> = {}): Sheet {
  const count = marks[0]?.kind === 'band' ? marks[0].low.length : (marks[0]?.values.length ?? 0)
  return { count, labels: () => [], format: String, gap: 0, barMax: 1_000, marks, ...more }
}

/** The corners of every bar of a shape. */
function corners(path: string) {
  return [...path.matchAll(/M(\S+) (\S+)H(\S+)V(\S+)H\S+Z/g)].map((one) => one.slice(1).map(Number))
}

function shapesOf(one: Sheet) {
  return new Map(layOut(one, WIDTH, HEIGHT).shapes.map((shape) => [shape.key, shape]))
}

describe('an axis', () => {
  test.each([
    [0, 0, [0, 0.2, 0.4, 0.6, 0.8, 1]],
    [0, 10, [0, 2, 4, 6, 8, 10]],
    [0, 0.3, [0, 0.1, 0.2, 0.3]],
    [0, 1_299_000_000, [0, 500_000_000, 1_000_000_000, 1_500_000_000]],
    [-3, 7, [-4, -2, 0, 2, 4, 6, 8]],
    [-12, 0, [-15, -10, -5, 0]],
    [0, 0.000_000_04, [0, 0.000_000_01, 0.000_000_02, 0.000_000_03, 0.000_000_04]],
  ])('from %d to %d has round values', (lowest, highest, ticks) => {
    expect(niceTicks(lowest, highest)).toEqual(ticks)
  })

  test('of what has no parts has whole values', () => {
    expect(niceTicks(0, 2, true)).toEqual([0, 1, 2])
    expect(niceTicks(0, 0, true)).toEqual([0, 1])
  })

  test('always holds everything, whatever the span', () => {
    for (let power = -9; power <= 12; power++) {
      for (const digit of [1, 1.37, 2.5, 4.99, 7, 9.999]) {
        const highest = digit * 10 ** power
        const ticks = niceTicks(-highest / 3, highest)
        expect(ticks.length).toBeLessThanOrEqual(8)
        expect(ticks[0]).toBeLessThanOrEqual(-highest / 3)
        expect(ticks.at(-1)).toBeGreaterThanOrEqual(highest * (1 - 1e-8))
        expect(ticks).toContain(0)
      }
    }
  })
})

test('zero is on every chart, and stacks reach as high as their sum', () => {
  expect(extent([bars('a', [5, 3]), bars('b', [2, 8])])).toEqual([0, 11])
  expect(extent([bars('a', [5, -3]), bars('b', [-2, -4])])).toEqual([-7, 5])
  expect(extent([bars('a', [5]), bars('b', [6], 'beside')])).toEqual([0, 6])
  expect(extent([line([40, null, 60])])).toEqual([0, 60])
  expect(extent([])).toEqual([0, 0])
})

describe('bars', () => {
  test('of a stack touch without a seam or an overlap', () => {
    const shapes = shapesOf(sheet([bars('a', [3, 1.7, 0]), bars('b', [7, 2.1, 4])]))
    const [below, above] = ['a', 'b'].map((id) => corners(shapes.get(id)?.path ?? ''))
    // A bar of nothing is not drawn, so the second stack's third bar stands on the ground.
    expect(below).toHaveLength(2)
    expect(above).toHaveLength(3)
    for (const at of [0, 1]) expect(above?.[at]?.[1]).toBe(below?.[at]?.[3])
    expect(above?.[2]?.[1]).toBe(below?.[0]?.[1])
  })

  test('of two stacks stand side by side, each half as wide', () => {
    const shapes = shapesOf(sheet([bars('a', [1], 'a'), bars('b', [1], 'b')]))
    const [left, right] = ['a', 'b'].map((id) => corners(shapes.get(id)?.path ?? '')[0])
    expect(left?.[2]).toBe(right?.[0])
  })

  test('below zero hang from the ground', () => {
    const shapes = shapesOf(sheet([bars('a', [4]), bars('b', [-2])]))
    const [up, down] = ['a', 'b'].map((id) => corners(shapes.get(id)?.path ?? '')[0])
    expect(up?.[1]).toBe(down?.[1])
    expect(up?.[3]).toBeLessThan(down?.[3] ?? 0)
  })

  test('of the place that runs are painted by themselves', () => {
    const running = { at: 1, paint: { opacity: 0.5 } }
    const shapes = shapesOf(sheet([{ ...bars('a', [1, 2, 3]), running }]))
    expect(corners(shapes.get('a')?.path ?? '')).toHaveLength(2)
    expect(shapes.get('a running')).toMatchObject({ fill: 'a', opacity: 0.5 })
  })

  test('are a pixel wide at least, however many there are', () => {
    const many = shapesOf(
      sheet([
        bars(
          'a',
          Array.from({ length: 2_000 }, () => 1),
        ),
      ]),
    ).get('a')
    for (const [x1 = 0, , x2 = 0] of corners(many?.path ?? '')) {
      expect(x2 - x1).toBeGreaterThanOrEqual(1)
    }
  })
})

describe('a line', () => {
  test('breaks where there is nothing, and shows what stands alone', () => {
    const shapes = shapesOf(sheet([line([1, 2, null, 3, null])]))
    expect(shapes.get('line')?.path.match(/M/g)).toHaveLength(2)
    expect(shapes.get('line dots')).toMatchObject({ fill: 'ink' })
    expect(shapes.get('line dots')?.path.match(/M/g)).toHaveLength(1)
  })

  test('has its rim beneath it', () => {
    const { shapes } = layOut(sheet([line([1, 2], { rim: { stroke: 'card' } })]), WIDTH, HEIGHT)
    expect(shapes.map(({ key }) => key)).toEqual(['line rim', 'line'])
  })
})

test('a band is filled between its edges, with a gap where either is missing', () => {
  const band: Mark = {
    kind: 'band',
    id: 'band',
    low: [1, 1, null, 1, 1],
    high: [2, 3, 3, null, 2],
    paint: { fill: 'grey' },
    edge: { stroke: 'grey' },
  }
  const shapes = shapesOf(sheet([band]))
  expect(shapes.get('band')?.path.match(/Z/g)).toHaveLength(2)
  expect(shapes.get('band edges')?.path.match(/M/g)).toHaveLength(4)
})

test('texts beside the axis have room, however long the currency is', () => {
  const narrow = layOut(sheet([bars('a', [9])]), WIDTH, HEIGHT).plot.left
  const wide = layOut(
    sheet([bars('a', [9])], { format: (value) => `CHF 12,345.${value} M` }),
    WIDTH,
    HEIGHT,
  ).plot.left
  expect(narrow).toBe(40)
  expect(wide).toBeGreaterThan(100)
})

test('the bar under the pointer is the one whose piece reaches over the value', () => {
  const marks: Mark[] = ['a', 'b'].map((id) => ({
    kind: 'bars',
    id,
    stack: 'all',
    values: [1, 2],
    paint: {},
  }))

  expect(barAt(marks, 0, 0.5)).toBe('a')
  expect(barAt(marks, 0, 1.5)).toBe('b')
  expect(barAt(marks, 1, 3)).toBe('b')
  expect(barAt(marks, 0, 2.5)).toBeNull()
  expect(barAt(marks, 7, 0.5)).toBeNull()
})

test('a height is the value that is drawn there', () => {
  const layout = layOut(
    {
      count: 1,
      labels: () => [''],
      format: String,
      marks: [{ kind: 'bars', id: 'a', stack: 'all', values: [10], paint: {} }],
    },
    400,
    200,
  )

  for (const { value, y } of layout.ticks) expect(layout.valueAt(y)).toBeCloseTo(value, 0)
})
