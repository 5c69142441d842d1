import { Button } from '@mantine/core'
import { Component, type ReactNode } from 'react'
import { Empty } from './States'

interface State {
  error: Error | null
  /** Whether the server answers; unknown until it was asked. */
  answers: boolean | null
}

/**
 * Keeps the frame standing when a page cannot be drawn: most often its script could not be loaded,
 * because the server is down, or was upgraded and has a newer one.
 */
export class ErrorBoundary extends Component<{ children: ReactNode }, State> {
  override state: State = { error: null, answers: null }

  static getDerivedStateFromError(error: Error) {
    return { error, answers: null }
  }

  override async componentDidCatch() {
    this.setState({ answers: await serverAnswers() })
  }

  /** Loads all of it again, where that can work: a browser's own error page would be the end. */
  retry = async () => {
    const answers = await serverAnswers()
    if (answers) window.location.reload()
    else this.setState({ answers })
  }

  override render() {
    const { error, answers } = this.state
    if (!error) return this.props.children
    return (
      <Empty
        title={answers === false ? 'The server does not answer' : 'This page could not be drawn'}
      >
        {answers === false ? (
          <p role="alert">
            This page could not be loaded from it. What you see elsewhere is from before.
          </p>
        ) : (
          <p>
            The server may have a newer version of it. {error.message && <>({error.message})</>}
          </p>
        )}
        <Button size="xs" onClick={this.retry}>
          {answers === false ? 'Try again' : 'Load it again'}
        </Button>
      </Empty>
    )
  }
}

async function serverAnswers(): Promise<boolean> {
  try {
    await fetch('/api/v1/session', { cache: 'no-store' })
    return true
  } catch {
    return false
  }
}
