import { DatePicker } from '@mantine/dates'
import '@mantine/dates/styles.css'
import { useState } from 'react'
import type { Day } from '@/lib/time'
import classes from './Calendar.module.css'

interface CalendarProps {
  from: Day
  to: Day
  today: Day
  onPick: (from: Day, to: Day) => void
}

/** Two clicks pick a first and a last day. */
export default function Calendar({ from, to, today, onPick }: CalendarProps) {
  const [picked, setPicked] = useState<[string | null, string | null]>([from, to])
  return (
    <DatePicker
      type="range"
      size="xs"
      firstDayOfWeek={1}
      allowSingleDateInRange
      defaultDate={to < today ? to : today}
      maxDate={today}
      value={picked}
      onChange={(range) => {
        setPicked(range)
        const [first, last] = range
        if (first && last) onPick(first as Day, last as Day)
      }}
      hideOutsideDates
      classNames={{ day: classes.day }}
      ariaLabels={{ previousMonth: 'Month before', nextMonth: 'Next month' }}
    />
  )
}
