//! Which message to a sender comes first.

use super::{acks, cc, report};
use crate::base::Timestamp;
use crate::endpoint::{SymbolStore, Transmit, TransmitBuf};
use crate::norm::receiver::ctx::Ctx;
use crate::norm::receiver::nack;
use crate::norm::receiver::senders::Senders;

/// Sends one packet of what is due.
pub(crate) fn send_next<S: SymbolStore>(
    ctx: &mut Ctx<S>,
    senders: &mut Senders,
    now: Timestamp,
    out: &mut TransmitBuf,
) -> Option<Transmit> {
    senders.due(now).into_iter().find_map(|id| {
        let duplicate = senders.is_duplicate(id);
        let sender = senders.get_mut(id)?;
        acks::send_window(ctx, sender, now, out)
            .or_else(|| acks::send_ack(ctx, sender, now, duplicate, out))
            .or_else(|| report::send_report(ctx, sender, now, duplicate, out))
            .or_else(|| nack::send::send_due(ctx, sender, now, duplicate, out))
            .or_else(|| cc::send_answer(ctx, sender, now, duplicate, out))
    })
}
