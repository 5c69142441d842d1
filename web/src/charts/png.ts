import type { Layout } from './sheet'

/** Pixels of a file, and how many of them stand for one of the page. */
export const PNG_SIZE = { width: 1600, height: 900, scale: 2 }

const [WIDTH, HEIGHT] = [PNG_SIZE.width / PNG_SIZE.scale, PNG_SIZE.height / PNG_SIZE.scale]
const MARGIN = 24

/** What stands around the picture, so that it can be read alone. */
export interface PngWords {
  title: string
  /** The period and whose days, what it is filtered by, and what it comes to. */
  note: string
  /** Colours as CSS has them; a line is drawn as one, with its dashes. */
  legend: LegendEntry[]
}

export interface LegendEntry {
  label: string
  colour: string
  line?: 'solid' | 'dashed'
}

/**
 * Paints a picture as a file, in the colours of the page's theme: the same shapes as on the page, laid
 * out anew in the size of the file.
 */
export async function paintPng(
  words: PngWords,
  layOutIn: (width: number, height: number) => Layout | null,
): Promise<Blob> {
  const canvas = document.createElement('canvas')
  canvas.width = PNG_SIZE.width
  canvas.height = PNG_SIZE.height
  const context = canvas.getContext('2d')
  if (!context) throw new Error('This browser paints no pictures.')
  context.scale(PNG_SIZE.scale, PNG_SIZE.scale)
  const colours = colourReader()
  try {
    context.fillStyle = colours.read('var(--surface)')
    context.fillRect(0, 0, WIDTH, HEIGHT)
    const top = paintHead(context, words, colours.read)
    const bottom = paintLegend(context, words.legend, colours.read)
    const layout = layOutIn(WIDTH - 2 * MARGIN, bottom - top)
    context.translate(MARGIN, top)
    if (layout) paintLayout(context, layout, WIDTH - 2 * MARGIN, bottom - top, colours.read)
  } finally {
    colours.close()
  }
  const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done, 'image/png'))
  if (!blob) throw new Error('This browser made no file of the picture.')
  return blob
}

type Read = (colour: string) => string

/** Reads what a colour of the page comes to in its theme. */
function colourReader(): { read: Read; close: () => void } {
  const probe = document.createElement('i')
  document.body.append(probe)
  return {
    read: (colour) => {
      probe.style.color = colour
      return getComputedStyle(probe).color
    },
    close: () => probe.remove(),
  }
}

function font(weight: number, size: number): string {
  return `${weight} ${size}px ${getComputedStyle(document.body).fontFamily}`
}

/** The title and the note; says where the picture begins. */
function paintHead(context: CanvasRenderingContext2D, { title, note }: PngWords, read: Read) {
  const room = WIDTH - 2 * MARGIN
  context.textBaseline = 'alphabetic'
  context.textAlign = 'left'
  context.fillStyle = read('var(--ink-1)')
  context.font = font(600, 16)
  context.fillText(fitted(context, title, room), MARGIN, MARGIN + 14)
  context.fillStyle = read('var(--ink-2)')
  context.font = font(400, 12)
  context.fillText(fitted(context, note, room), MARGIN, MARGIN + 34)
  return MARGIN + 50
}

/** The legend at the foot, in as many lines as it takes; says where the picture ends. */
function paintLegend(
  context: CanvasRenderingContext2D,
  legend: PngWords['legend'],
  read: Read,
): number {
  context.font = font(400, 12)
  const lines: (LegendEntry & { x: number })[][] = [[]]
  let x = MARGIN
  for (const { label, colour, line } of legend) {
    const text = fitted(context, label, 240)
    const width = context.measureText(text).width + 32
    if (x + width > WIDTH - MARGIN && x > MARGIN) {
      lines.push([])
      x = MARGIN
    }
    lines.at(-1)?.push({ label: text, colour, line, x })
    x += width
  }
  const used = legend.length > 0 ? lines.length : 0
  const top = HEIGHT - MARGIN - used * 18
  lines.forEach((line, at) => {
    for (const { label, colour, line: kind, x } of line) {
      context.fillStyle = read(colour)
      // A line's key is as flat as the line.
      const pieces = kind === 'dashed' ? [0, 7] : [0]
      const [width, height] = kind ? [kind === 'dashed' ? 4 : 11, 2] : [10, 10]
      for (const from of pieces) {
        context.fillRect(x + from, top + at * 18 + 13 - height / 2, width, height)
      }
      context.fillStyle = read('var(--ink-1)')
      context.fillText(label, x + 16, top + at * 18 + 17)
    }
  })
  return top - (used > 0 ? 4 : 0)
}

function paintLayout(
  context: CanvasRenderingContext2D,
  { plot, ticks, labels, ground, shapes, isBare }: Layout,
  width: number,
  height: number,
  read: Read,
) {
  const right = width - plot.right
  const hairline = (y: number, colour: string) => {
    context.beginPath()
    context.moveTo(plot.left, y)
    context.lineTo(right, y)
    context.lineWidth = 1
    context.strokeStyle = read(colour)
    context.stroke()
  }
  context.font = font(400, 11)
  context.textBaseline = 'middle'
  for (const { y, text } of ticks) {
    if (!isBare) hairline(y, 'var(--line)')
    context.textAlign = 'right'
    context.fillStyle = read('var(--ink-2)')
    context.fillText(text, plot.left - 8, y)
  }
  for (const { path, fill, stroke, strokeWidth, dash, opacity } of shapes) {
    const drawn = new Path2D(path)
    context.globalAlpha = opacity ?? 1
    if (fill && fill !== 'none') {
      context.fillStyle = read(fill)
      context.fill(drawn)
    }
    if (stroke) {
      context.strokeStyle = read(stroke)
      context.lineWidth = strokeWidth ?? 1
      context.lineJoin = 'round'
      context.setLineDash(dash ? dash.split(' ').map(Number) : [])
      context.stroke(drawn)
      context.setLineDash([])
    }
  }
  context.globalAlpha = 1
  if (!isBare) hairline(ground, 'var(--line-strong)')
  context.textBaseline = 'alphabetic'
  context.fillStyle = read('var(--ink-2)')
  const anchors = { start: 'left', middle: 'center', end: 'right' } as const
  for (const { x, text, anchor } of labels) {
    context.textAlign = anchors[anchor]
    context.fillText(text, x, height - plot.bottom + 17)
  }
}

/** The text, cut where it would be wider than its room. */
function fitted(context: CanvasRenderingContext2D, text: string, room: number): string {
  if (context.measureText(text).width <= room) return text
  let cut = text
  while (cut && context.measureText(`${cut}…`).width > room) cut = cut.slice(0, -1)
  return `${cut}…`
}

/** Hands a file to whoever looks. */
export function saveFile(blob: Blob, name: string) {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(blob)
  link.download = name
  document.body.append(link)
  link.click()
  link.remove()
  // The browser has begun to read it by then.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000)
}
