import { IconAlertTriangle } from '@tabler/icons-react'
import { type ComponentType, useState } from 'react'
import { ApiError } from '@/api/client'
import { type Amount, parseAmount } from '@/lib/amount'
import { Asking } from '@/ui/Asking'
import { CopyBlock } from '@/ui/CopyBlock'
import { CsvLink } from '@/ui/CsvLink'
import { DrawerForm, Group, LeftOut } from '@/ui/DrawerForm'
import { EditButton } from '@/ui/EditButton'
import { Change, Charge, Figure, Spend } from '@/ui/Figures'
import { Loaded } from '@/ui/Loaded'
import { Logo } from '@/ui/Logo'
import { NumberField } from '@/ui/NumberField'
import { Panel } from '@/ui/Panel'
import { Removal } from '@/ui/Removal'
import { ShortLink } from '@/ui/ShortLink'
import { Sideways } from '@/ui/Sideways'
import { SnoozeButton } from '@/ui/SnoozeButton'
import { Bone, Empty, Failure, TableSkeleton } from '@/ui/States'
import { Swatch } from '@/ui/Swatch'
import classes from './stories.module.css'

const nothing = () => undefined
const amount = (text: string): Amount => parseAmount(text)
const failed = {
  data: undefined,
  isError: true,
  error: new ApiError(
    500,
    'unavailable',
    'the history cannot be read right now',
    undefined,
    'try again in a minute',
  ),
  refetch: nothing,
}

/** The small parts that pages are made of. */
export const PARTS: Record<string, ComponentType> = {
  CopyBlock: () => <CopyBlock text="outlay prices set --provider openai --model gpt-next" />,
  CsvLink: () => <CsvLink href="data:," name="outlay" label="Save it as CSV" />,
  Asking: () => (
    <>
      <Asking
        words="What you wrote of the budget is not saved."
        leave="Discard it"
        stay="Go on writing"
        onLeave={nothing}
        onStay={nothing}
      />
      <Asking
        words="Give $10.00 to acme? It can be spent at once."
        leave="Give $10.00"
        stay="Go back"
        isMeant
        onLeave={nothing}
        onStay={nothing}
      />
    </>
  ),
  DrawerForm: () => (
    <DrawerForm
      what="budget"
      isNew
      written=""
      refusal={{ field: '', words: 'There is a budget of this name.' }}
      fields={[]}
      isPending={false}
      submit={nothing}
      removal={null}
    >
      <Group label="What counts" description="Everything, until a filter is picked.">
        <LeftOut words="What the view sorts by is left out." />
      </Group>
    </DrawerForm>
  ),
  EditButton: () => <EditButton name="All AI spend" edit={nothing} />,
  Figures: () => (
    <div className={classes.row}>
      <Figure measure="spend" value={amount('1300000000.00001')} currency="USD" />
      <Figure measure="spend" value={amount('0.000123')} currency="USD" />
      <Spend spend={amount('19.09')} unpriced={42} currency="USD" />
      <Spend spend={amount('0')} unpriced={42} currency="USD" />
      <Charge amount={null} basis="unpriced" currency="USD" />
      <Change
        measure="spend"
        now={amount('212.13')}
        base={amount('147')}
        against="28 days before"
        currency="USD"
      />
    </div>
  ),
  Loaded: () => (
    <>
      <Loaded query={failed} what="The keys">
        {() => null}
      </Loaded>
      <Loaded query={{ ...failed, isError: false, error: null }} what="The keys" rows={2}>
        {() => null}
      </Loaded>
    </>
  ),
  Logo: () => <Logo size={28} />,
  NumberField: Numbers,
  Panel: () => (
    <Panel
      title="Spend, last 30 days"
      note="Days of UTC"
      actions={<EditButton name="it" edit={nothing} />}
    >
      What stands in a panel.
    </Panel>
  ),
  Removal: () => (
    <Removal
      what="budget"
      name="All AI spend"
      consequence="What was spent stays."
      error={null}
      isPending={false}
      remove={nothing}
    />
  ),
  ShortLink: () => <ShortLink href="/model/gpt-4o">gpt-4o</ShortLink>,
  Sideways: () => (
    <Sideways label="A wide table">
      <div style={{ width: 1800 }}>What is wider than the page scrolls by itself.</div>
    </Sideways>
  ),
  SnoozeButton: () => <SnoozeButton spans={[[1, 'An hour']]} isBusy={false} snooze={nothing} />,
  States: () => (
    <>
      <Failure what="The trail" error={failed.error} retry={nothing} still="Usage is taken in." />
      <Empty title="No keys yet">A key lets a program send usage or ask about it.</Empty>
      <TableSkeleton rows={3} label="The keys" />
      <Bone width={120} />
    </>
  ),
  Swatch: () => (
    <div className={classes.row}>
      <Swatch slot={0} />
      <Swatch slot={3} />
      <IconAlertTriangle size={15} aria-hidden="true" />
    </div>
  ),
}

function Numbers() {
  const [text, setText] = useState('1,500')
  return (
    <NumberField
      label="Amount in USD"
      description="What may be spent."
      error="1,500 may be 1500 or 1.50."
      value={text}
      onChange={setText}
    />
  )
}
