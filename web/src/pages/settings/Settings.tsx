import { Button, SegmentedControl, useMantineColorScheme } from '@mantine/core'
import { useSession, useSignOut } from '@/api/session'
import { formatOffset } from '@/lib/time'
import classes from '@/ui/form.module.css'
import { Panel } from '@/ui/Panel'
import { useNow } from '@/ui/useNow'
import { PasswordForm } from './PasswordForm'

/** Oneself, and how the pages look. */
export default function Settings() {
  return (
    <div className={classes.page}>
      <YouPanel />
      <LookPanel />
    </div>
  )
}

const ROLE_WORDS = {
  admin: 'sees and changes everything',
  member: 'sees and charges their own account',
  viewer: 'sees everything, changes nothing',
}

function YouPanel() {
  const { user, role, account } = useSession()
  const signOut = useSignOut()
  return (
    <Panel
      title="You"
      actions={
        <Button
          size="xs"
          variant="default"
          loading={signOut.isPending}
          onClick={() => signOut.mutate()}
        >
          Sign out
        </Button>
      }
    >
      <dl className={classes.facts}>
        <div>
          <dt>Name</dt>
          <dd>
            {user.name} {user.name !== user.id && <span className="muted">{user.id}</span>}
          </dd>
        </div>
        <div>
          <dt>Role</dt>
          <dd>
            {role} <span className="muted">{ROLE_WORDS[role]}</span>
          </dd>
        </div>
        <div>
          <dt>Account</dt>
          <dd>{account ?? 'none'}</dd>
        </div>
      </dl>
      <PasswordForm />
    </Panel>
  )
}

function LookPanel() {
  const { colorScheme, setColorScheme } = useMantineColorScheme()
  const { currency, time_zone, version } = useSession()
  const tz = time_zone || 'UTC'
  const now = useNow()
  return (
    <Panel title="This page and its server">
      <div className={classes.look}>
        <span id="theme-label">Theme</span>
        <SegmentedControl
          size="xs"
          aria-labelledby="theme-label"
          value={colorScheme}
          onChange={(scheme) => setColorScheme(scheme as 'auto' | 'light' | 'dark')}
          data={[
            { value: 'auto', label: "The system's" },
            { value: 'light', label: 'Light' },
            { value: 'dark', label: 'Dark' },
          ]}
        />
      </div>
      <dl className={classes.facts}>
        <div>
          <dt>Currency</dt>
          <dd>{currency}</dd>
        </div>
        <div>
          <dt>Time zone</dt>
          <dd>
            {tz} <span className="muted">{tz === 'UTC' ? '' : formatOffset(now, tz)}</span>
          </dd>
        </div>
        <div>
          <dt>Version</dt>
          <dd>
            {version} · <a href="/api/docs">API</a>
          </dd>
        </div>
      </dl>
    </Panel>
  )
}
