import { Button } from '@mantine/core'
import classes from './MoreButton.module.css'

interface MoreButtonProps {
  /** A list that comes page by page. */
  query: { hasNextPage: boolean; isFetchingNextPage: boolean; fetchNextPage: () => unknown }
  children: string
}

/** Asks for the next page of a list, where there is one. */
export function MoreButton({ query, children }: MoreButtonProps) {
  if (!query.hasNextPage) return null
  return (
    <div className={classes.more}>
      <Button
        size="xs"
        variant="default"
        loading={query.isFetchingNextPage}
        onClick={() => query.fetchNextPage()}
      >
        {children}
      </Button>
    </div>
  )
}
