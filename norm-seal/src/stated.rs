//! What senders have stated of their sets to a receiver.

use core::net::SocketAddr;
use std::collections::VecDeque;

use norm_core::Timestamp;

use crate::budget::{Budget, Limit};
use crate::counters::DropReason;
use crate::header::RunId;
use crate::signature::Verifier;
use crate::statement::Statement;

/// Statements that are remembered, so that none is looked at each time when it is repeated.
const MAX_KNOWN: usize = 64;

/// A statement that a receiver has taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeardStatement {
    /// What was said.
    pub statement: Statement,
    /// The long-term key that has signed it; `None` when any member may have made it.
    pub signer: Option<Verifier>,
    /// Its sender is live, as far as it is asked: it is no recording.
    pub is_live: bool,
}

/// What was stated, and what of that is news.
pub(crate) struct Stated {
    /// With the bytes as they came, the newest last.
    known: VecDeque<(RunId, Vec<u8>, HeardStatement)>,
    news: VecDeque<HeardStatement>,
    signatures: Budget,
}

impl Stated {
    pub(crate) fn new() -> Self {
        let signatures = Budget::new(Limit::HELLOS);
        Self { known: VecDeque::new(), news: VecDeque::new(), signatures }
    }

    /// Takes a statement of a run that this long-term key has introduced, if one has. True if it
    /// is news.
    ///
    /// # Errors
    /// Why it is not believed.
    pub(crate) fn take(
        &mut self,
        heard: (Timestamp, SocketAddr),
        run: RunId,
        signer: Option<Verifier>,
        is_live: bool,
        bytes: &[u8],
    ) -> Result<bool, DropReason> {
        if self.known.iter().any(|(of, known, _)| *of == run && known == bytes) {
            return Ok(false);
        }
        let read = Statement::parse(bytes).ok_or(DropReason::NotAuthentic)?;
        if let Some(signer) = signer {
            let (now, source) = heard;
            if !self.signatures.take(now, source) {
                return Err(DropReason::TooMany);
            }
            read.verify(signer).map_err(|_| DropReason::BadSignature)?;
        }
        let heard = HeardStatement { statement: read.statement, signer, is_live };
        if self.known.len() >= MAX_KNOWN {
            self.known.pop_front();
        }
        self.known.push_back((run, bytes.to_vec(), heard.clone()));
        self.tell(heard);
        Ok(true)
    }

    /// The sender of a run is live: what it has stated counts for more.
    pub(crate) fn is_live(&mut self, run: RunId) {
        let of_run = self.known.iter_mut().filter(|(of, ..)| *of == run);
        let mut news: Vec<HeardStatement> = Vec::new();
        for (_, _, heard) in of_run {
            heard.is_live = true;
            news.push(heard.clone());
        }
        news.into_iter().for_each(|heard| self.tell(heard));
    }

    /// The next news.
    pub(crate) fn poll(&mut self) -> Option<HeardStatement> {
        self.news.pop_front()
    }

    fn tell(&mut self, heard: HeardStatement) {
        if self.news.len() >= 2 * MAX_KNOWN {
            self.news.pop_front();
        }
        self.news.push_back(heard);
    }
}
