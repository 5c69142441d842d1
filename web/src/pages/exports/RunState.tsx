import type { ExportRun } from '@/api/schedules'
import { stateWords } from '@/lib/schedules'
import { formatMoment } from '@/lib/time'
import { sentence } from '@/ui/States'
import { TwoLines } from '@/widgets/Cells'

interface RunStateProps {
  run: ExportRun
  /** Of which days it is, where that does not stand beside it. */
  of?: string
  tz: string
}

/** How far a file is; of one that failed why, and when it is tried again. */
export function RunState({ run, of, tz }: RunStateProps) {
  const words = stateWords(run)
  return (
    <TwoLines>
      <span className={run.state === 'failed' ? 'bad' : undefined}>
        {of ? `${of}: ${words.toLowerCase()}` : words}
      </span>
      <span>{detail(run, tz)}</span>
    </TwoLines>
  )
}

function detail({ state, reason, next_try_at, file }: ExportRun, tz: string): string {
  const moment = (at: string) => formatMoment(new Date(at), tz)
  const why = reason === null ? '' : sentence(reason)
  if (state === 'failed' && next_try_at) return `${why} Tried again on ${moment(next_try_at)}.`
  return file && state === 'done' ? moment(file.made_at) : why
}
