//! Takes packets of the table, and what a table says of objects.

use super::ctx::Ctx;
use super::epoch::Epoch;
use super::event::ReceiverEvent;
use super::keys::Teller;
use super::lifecycle;
use super::payload::Payload;
use super::table::{Entry, Listed, Update, Whole};
use crate::base::Timestamp;
use crate::endpoint::SymbolStore;
use crate::fec::FecId;
use crate::flute::wire::{FLUTE_VERSION_1, FLUTE_VERSION_2, NtpTime, Packet};

/// Takes a packet of an instance.
pub(super) fn take<S: SymbolStore>(
    ctx: &mut Ctx<S>,
    epoch: &mut Epoch,
    now: Timestamp,
    packet: &Packet<'_>,
) {
    let fec = FecId(packet.header.codepoint);
    let (ext, fti) = (packet.extensions.fdt(), packet.extensions.fti(fec));
    let ext = ext.filter(|ext| matches!(ext.version, FLUTE_VERSION_1 | FLUTE_VERSION_2));
    let (Some(ext), Some(fti)) = (ext, fti) else {
        // A packet that ends a session may be one of the table without being of any instance.
        ctx.stats().invalid += u64::from(!packet.header.close_session);
        return;
    };
    epoch.note_version(ext.version);
    let payload = Payload::new(fec, packet.content);
    if payload.is_empty() {
        return;
    }
    let sent = packet.extensions.time().and_then(|time| time.sent);
    match epoch.table.take(now, ctx.tables(), &ext, fti, &payload, sent) {
        Update::None => {}
        Update::Invalid => ctx.stats().invalid += 1,
        Update::NoRoom => ctx.stats().no_room += 1,
        Update::Unreadable => ctx.stats().bad_tables += 1,
        Update::Table(whole) => apply(ctx, epoch, now, &whole),
    }
}

/// Takes what a table says.
fn apply<S: SymbolStore>(ctx: &mut Ctx<S>, epoch: &mut Epoch, now: Timestamp, whole: &Whole) {
    ctx.stats().tables += 1;
    ctx.stats().changed_tables += u64::from(whole.is_changed);
    check_expiry(ctx, epoch, now, whole);
    let limit = ctx.config().max_objects;
    for file in &whole.fdt.files {
        let room = |bytes| ctx.bookkeeping().take(bytes);
        let Some(key) = epoch.keys.key_of(file.toi, limit, Teller::Table, room) else {
            ctx.stats().no_room += 1;
            continue;
        };
        let entry = Entry::new(whole.id, &whole.fdt, file);
        match epoch.table.list(now, ctx.bookkeeping(), limit, key, entry) {
            Listed::Told => {}
            Listed::Changed => lifecycle::replace(ctx, epoch, key),
            Listed::NoRoom => {
                ctx.stats().no_room += 1;
                continue;
            }
            Listed::Old => continue,
        }
        lifecycle::describe(ctx, epoch, key);
    }
}

/// Tells of a table that has expired. It counts all the same: senders are known that send nothing
/// else, and our clock may be wrong.
fn check_expiry<S>(ctx: &mut Ctx<S>, epoch: &mut Epoch, now: Timestamp, whole: &Whole) {
    let ours = ctx.config().unix_start.map(|start| {
        let since_1970 = start.saturating_add(now.saturating_since(Timestamp::ZERO));
        i64::try_from(since_1970.as_secs()).unwrap_or(i64::MAX)
    });
    let near = |time: NtpTime, now: Option<i64>| time.to_unix(now.unwrap_or(UNKNOWN_NOW));
    let Some(judged_at) = whole.sent.map(|sent| near(sent, ours)).or(ours) else { return };
    let expires = NtpTime { seconds: whole.fdt.expires, fraction: 0 }.to_unix(judged_at);
    if expires < judged_at {
        ctx.stats().expired_tables += 1;
        if epoch.tell_expired() {
            let (sender, seconds) = (epoch.id(), judged_at.abs_diff(expires));
            ctx.event(ReceiverEvent::TableExpired { sender, seconds });
        }
    }
}

/// 2030, to find the era of a sender's clock where nothing is known of ours.
const UNKNOWN_NOW: i64 = 1_893_456_000;
