//! What is done in a commit besides taking in usage.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use outlay_store::{StoreError, Tx};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::{AcceptError, Topic};

/// Something that is judged and done in one commit with whatever else waits: as a whole, or not
/// at all.
pub trait Act: Send + 'static {
    /// What it answers.
    type Done: Send + 'static;
    /// Why it is refused, or was not even judged.
    type Refused: From<AcceptError> + Send + 'static;

    /// Of what those who listen are told when it is done.
    const TELLS: &'static [Topic];

    /// Judges it by what the books say, after all that came before it, and writes it.
    fn act(self, tx: &Tx<'_>, at: DateTime<Utc>) -> Result<Self::Done, Stop<Self::Refused>>;
}

/// Why an act ends without being done.
#[derive(Debug)]
pub enum Stop<R> {
    /// It may not be. Nothing of it is kept, and its neighbours are not touched.
    Refused(R),
    /// The store failed. Where the disk is the reason, so does everything in the commit.
    Failed(StoreError),
}

impl<R> From<StoreError> for Stop<R> {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

/// An act that waits, whatever it answers.
pub(super) trait Queued: Send {
    /// Judges it, and fails only where the disk does.
    fn judge(&mut self, tx: &Tx<'_>, at: DateTime<Utc>) -> Result<(), StoreError>;

    /// Of what those who listen are told, now that it is on the disk.
    fn tells(&self) -> &'static [Topic];

    /// Gives whoever waits the answer.
    fn answer(self: Box<Self>);

    /// Tells whoever waits that nothing was done.
    fn fail(self: Box<Self>, error: AcceptError);
}

/// An act, and who waits for it.
pub(super) struct Waiting<A: Act> {
    pub act: Option<A>,
    pub outcome: Option<Result<A::Done, A::Refused>>,
    pub reply: oneshot::Sender<Result<A::Done, A::Refused>>,
    /// Given back when it is answered.
    pub _place: OwnedSemaphorePermit,
}

impl<A: Act> Queued for Waiting<A> {
    fn judge(&mut self, tx: &Tx<'_>, at: DateTime<Utc>) -> Result<(), StoreError> {
        let Some(act) = self.act.take() else { return Ok(()) };
        self.outcome = Some(match tx.attempt(|| act.act(tx, at)) {
            Ok(done) => Ok(done),
            Err(Stop::Refused(refused)) => Err(refused),
            Err(Stop::Failed(error)) if error.is_of_disk() => return Err(error),
            Err(Stop::Failed(error)) => Err(AcceptError::from(Arc::new(error)).into()),
        });
        Ok(())
    }

    fn tells(&self) -> &'static [Topic] {
        if matches!(self.outcome, Some(Ok(_))) { A::TELLS } else { &[] }
    }

    fn answer(self: Box<Self>) {
        let outcome = self.outcome.unwrap_or_else(|| Err(AcceptError::Interrupted.into()));
        // Whoever went away needs no answer.
        drop(self.reply.send(outcome));
    }

    fn fail(self: Box<Self>, error: AcceptError) {
        drop(self.reply.send(Err(error.into())));
    }
}
