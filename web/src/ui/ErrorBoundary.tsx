import { Button } from '@mantine/core'
import { Component, type ReactNode } from 'react'
import { serverAnswers, whenServerIsBack } from '@/live/recovery'
import { MissingPart, retryParts } from './lazyPart'
import { Empty } from './States'

interface Props {
  /** What stands here, in the words of a sentence: `This page`, `The calendar`. */
  what: string
  children: ReactNode
}

interface State {
  error: Error | null
  /** Whether the server answered when it was last asked; unknown for what is our own fault. */
  answers: boolean | null
}

/**
 * Keeps what is around it standing when something cannot be drawn: most often its script could not
 * be loaded, because the server is away, or was upgraded and has a newer one. What is only away is
 * drawn by itself when the server is back.
 */
export class ErrorBoundary extends Component<Props, State> {
  override state: State = { error: null, answers: null }
  private stopWaiting: (() => void) | undefined

  static getDerivedStateFromError(error: Error): State {
    return { error, answers: error instanceof MissingPart ? error.isServerUp : null }
  }

  override componentDidCatch(error: Error) {
    if (error instanceof MissingPart && !error.isServerUp) this.waitForServer()
  }

  override componentWillUnmount() {
    this.stopWaiting?.()
    // Whoever opens it again has it tried again.
    if (this.state.error) retryParts()
  }

  private waitForServer() {
    this.stopWaiting?.()
    this.stopWaiting = whenServerIsBack(this.drawAgain)
  }

  private drawAgain = () => {
    retryParts()
    this.setState({ error: null, answers: null })
  }

  /** Tries once more where that can work: a browser's own error page would be the end. */
  private retry = async () => {
    const { error, answers } = this.state
    const isUp = await serverAnswers()
    if (!isUp) this.setState({ answers: false }, () => this.waitForServer())
    // What the server did not have a moment ago comes with a new page only.
    else if (error instanceof MissingPart && answers) window.location.reload()
    else this.drawAgain()
  }

  override render() {
    const { error, answers } = this.state
    const { what, children } = this.props
    if (!error) return children
    return (
      <div role="alert">
        {answers === false ? (
          <Empty title="The server does not answer">
            <p>{what} comes by itself when it is back. What you see elsewhere is from before.</p>
            <Button size="xs" variant="default" onClick={this.retry}>
              Try again
            </Button>
          </Empty>
        ) : (
          <Empty title={`${what} could not be drawn`}>
            <p>
              {error instanceof MissingPart
                ? 'The server has another version of it.'
                : `This is a fault of the page. ${error.message && `(${error.message})`}`}
            </p>
            <Button size="xs" variant="default" onClick={this.retry}>
              {error instanceof MissingPart ? 'Load the page again' : 'Try again'}
            </Button>
          </Empty>
        )}
      </div>
    )
  }
}
