import { Link } from 'wouter'
import { useSession } from '@/api/session'
import { type Attribute, attributeLabel } from '@/lib/filters'
import { DEFAULT_VIEW } from '@/lib/view'
import { Empty } from '@/ui/States'
import { linkTo } from '@/view/useView'

/** That no usage has a name, and where those are that usage has. */
export function UnknownName({ attribute, name }: { attribute: Attribute; name: string }) {
  const { scope } = useSession()
  const kind = attributeLabel(attribute).toLowerCase()
  return (
    <Empty title="No usage has this name">
      <p>
        {scope === null ? 'Nothing that was ever used' : 'Nothing that you see'} has “{name}” as its{' '}
        {kind}. It may be written differently, or not be in use yet.
      </p>
      <Link href={linkTo('/explore', { ...DEFAULT_VIEW, by: [attribute] })}>
        Every {kind} that was used
      </Link>
    </Empty>
  )
}
