import { Link } from 'wouter'
import type { useBrief } from '@/api/insights'
import { addressOf } from '@/lib/links'
import { Bone, messageOf, sentence } from '@/ui/States'
import { useView } from '@/view/useView'
import classes from './BriefLine.module.css'

/** What to know first: what was spent, what moved it, what is coming, what can be done. */
export function BriefLine({ brief }: { brief: ReturnType<typeof useBrief> }) {
  const [view] = useView()
  return (
    <section className={classes.brief} aria-label="In short">
      {brief.data ? (
        <p>
          {brief.data.sentences.map(({ topic, parts }) => (
            <span key={topic} className={classes.sentence} data-topic={topic}>
              {parts.map(({ text, link }, at) =>
                link === null ? (
                  text
                ) : (
                  // biome-ignore lint/suspicious/noArrayIndexKey: a part is its place
                  <Link key={at} href={addressOf(link, view)}>
                    {text}
                  </Link>
                ),
              )}{' '}
            </span>
          ))}
        </p>
      ) : brief.isError ? (
        <p className="muted small">
          What to know first could not be told. {sentence(messageOf(brief.error))}{' '}
          <button type="button" className={classes.again} onClick={() => brief.refetch()}>
            Try again
          </button>
        </p>
      ) : (
        <p role="status">
          <span className="visually-hidden">What to know first is loading</span>
          <Bone width="92%" height={16} /> <Bone width="54%" height={16} />
        </p>
      )}
    </section>
  )
}
