import { Button } from '@mantine/core'
import { Component, type ReactNode } from 'react'
import { Empty } from './States'

/** Keeps the frame standing when a page cannot be drawn, most often after the server's upgrade. */
export class ErrorBoundary extends Component<{ children: ReactNode }, { error: Error | null }> {
  override state = { error: null as Error | null }

  static getDerivedStateFromError(error: Error) {
    return { error }
  }

  override render() {
    const { error } = this.state
    if (!error) return this.props.children
    return (
      <Empty title="This page could not be drawn">
        <p>The server may have a newer version of it. {error.message && <>({error.message})</>}</p>
        <Button size="xs" onClick={() => window.location.reload()}>
          Load it again
        </Button>
      </Empty>
    )
  }
}
