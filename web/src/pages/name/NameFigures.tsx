import type { ReactNode } from 'react'
import { formatAmount, formatAmountExactly } from '@/lib/amount'
import type { Filter } from '@/lib/filters'
import type { Measure, Readings } from '@/lib/measures'
import { amountEach, cachedShare } from '@/lib/mix'
import { formatShare } from '@/lib/number'
import { previousLabel } from '@/lib/period'
import { Change, Figure, Spend } from '@/ui/Figures'
import { Loaded } from '@/ui/Loaded'
import { Bone } from '@/ui/States'
import { useScene } from '@/view/useView'
import classes from './NameFigures.module.css'
import { useNameTotal, useNameTotalBefore } from './useNameTotal'

/** The figures of a name in the period, each against the period before. */
export function NameFigures({ filters }: { filters: Filter[] }) {
  const current = useNameTotal(filters)
  const before = useNameTotalBefore(filters)
  return (
    <Loaded
      query={current}
      what="The figures"
      skeleton={<Tiles readings={undefined} base={undefined} />}
    >
      {({ total }) => <Tiles readings={total} base={before?.total} />}
    </Loaded>
  )
}

/** The figures; grey bars while they are on their way. */
function Tiles({ readings, base }: FigureProps) {
  return (
    <section className={classes.figures} aria-label="Figures">
      <SpendFigure readings={readings} base={base} />
      <MeasureFigure title="Requests" measure="requests" readings={readings} base={base} />
      <EachFigure readings={readings} base={base} />
      <MeasureFigure title="Tokens" measure="tokens" readings={readings} base={base} />
      <Tile title="Read from cache" hint="Of all tokens that models read">
        {readings && <Share tenths={cachedShare(readings)} />}
      </Tile>
      <Tile title="Latency, p95">{readings && <Latency readings={readings} />}</Tile>
      <Tile title="Failed" hint="Of all requests">
        {readings && <Failed readings={readings} />}
      </Tile>
    </section>
  )
}

interface TileProps {
  title: string
  hint?: string
  children: ReactNode
}

function Tile({ title, hint, children }: TileProps) {
  return (
    <div className={classes.tile} title={hint}>
      <h2 className={classes.title}>{title}</h2>
      {children || <Bone width={90} height={20} />}
    </div>
  )
}

interface FigureProps {
  readings: Readings | undefined
  base: Readings | undefined
}

function SpendFigure({ readings, base }: FigureProps) {
  const { currency } = useScene()
  return (
    <Tile title="Spend">
      {readings && (
        <>
          <p className={classes.figure} data-testid="name-spend">
            <Spend spend={readings.spend} unpriced={readings.unpriced} currency={currency} />
          </p>
          <Against measure="spend" readings={readings} base={base} />
        </>
      )}
    </Tile>
  )
}

function MeasureFigure({
  title,
  measure,
  readings,
  base,
}: FigureProps & { title: string; measure: Measure }) {
  const { currency } = useScene()
  return (
    <Tile title={title}>
      {readings && (
        <>
          <p className={classes.figure}>
            <Figure measure={measure} value={readings[measure]} currency={currency} />
          </p>
          <Against measure={measure} readings={readings} base={base} />
        </>
      )}
    </Tile>
  )
}

/** What a request costs on average. */
function EachFigure({ readings, base }: FigureProps) {
  const { view, tz, now, currency } = useScene()
  const each = readings && amountEach(readings.spend, readings.requests)
  return (
    <Tile title="A request" hint="Spend over requests">
      {readings && (
        <>
          <p className={classes.figure}>
            {each == null ? (
              '–'
            ) : (
              <span className="number" title={formatAmountExactly(each, currency)}>
                {formatAmount(each, currency)}
              </span>
            )}
          </p>
          {base && (
            <Change
              short
              measure="spend"
              now={each ?? undefined}
              base={amountEach(base.spend, base.requests) ?? undefined}
              against={previousLabel(view.period, now, tz)}
              currency={currency}
            />
          )}
        </>
      )}
    </Tile>
  )
}

function Against({ measure, readings, base }: FigureProps & { measure: Measure }) {
  const { view, tz, now, currency } = useScene()
  if (!base) return null
  return (
    <Change
      short
      measure={measure}
      now={readings?.[measure]}
      base={base[measure]}
      against={previousLabel(view.period, now, tz)}
      currency={currency}
    />
  )
}

function Share({ tenths }: { tenths: number | null }) {
  return <p className={classes.figure}>{tenths === null ? '–' : formatShare(tenths)}</p>
}

function Latency({ readings }: { readings: Readings }) {
  const { currency } = useScene()
  return (
    <>
      <p className={classes.figure}>
        <Figure measure="latency_p95_ms" value={readings.latency_p95_ms} currency={currency} />
      </p>
      <span className="muted small">
        median{' '}
        <Figure measure="latency_p50_ms" value={readings.latency_p50_ms} currency={currency} />
      </span>
    </>
  )
}

function Failed({ readings }: { readings: Readings }) {
  const { currency } = useScene()
  const requests = Number(readings.requests ?? 0)
  const share = requests > 0 ? Math.round((Number(readings.errors ?? 0) / requests) * 1000) : null
  return (
    <>
      <Share tenths={share} />
      <span className="muted small">
        <Figure measure="errors" value={readings.errors} currency={currency} /> requests
      </span>
    </>
  )
}
