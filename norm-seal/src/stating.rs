//! How a sender states its set, and when.

use core::time::Duration;

use norm_core::Timestamp;
use norm_core::fileset::{ManifestHash, SetId};

use crate::hello::expiry;
use crate::renewal::Made;
use crate::signature::Signer;
use crate::statement::Statement;

/// Times from one statement to the next one; the last one for all that follow.
const INTERVALS: [Duration; 4] = [
    Duration::from_millis(50),
    Duration::from_millis(200),
    Duration::from_millis(750),
    Duration::from_secs(1),
];

/// What a sender states of a set; its gate adds times, and signs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatedSet {
    /// The set.
    pub set: SetId,
    /// Names its files.
    pub manifest: ManifestHash,
    /// The last 32 bytes of its digest list, when that is known.
    pub list: Option<[u8; 32]>,
    /// Name of the set: sets of one name replace each other.
    pub name: String,
    /// Receivers take the set until this long after it was stated first, in whole seconds; `None`
    /// for as long as it is stated, and 24 hours more at most.
    pub life: Option<Duration>,
}

/// What a sender states of its set, and how often it has done so.
#[derive(Default)]
pub(crate) struct Stating {
    set: Option<StatedSet>,
    /// When it was stated first, in seconds since 1970: its serial number.
    serial: Option<u64>,
    /// What is sent at present; `None` when it is to be made.
    made: Option<(Vec<u8>, Made)>,
    sent: usize,
    next: Timestamp,
}

impl Stating {
    /// States this set, or more of it: at once, soon again, and each second.
    pub(crate) fn state(&mut self, set: StatedSet) {
        if self.set.as_ref() != Some(&set) {
            self.set = Some(set);
            self.begin();
        }
    }

    /// States it in another run or group, at once.
    pub(crate) fn begin(&mut self) {
        (self.made, self.sent, self.next) = (None, 0, Timestamp::ZERO);
    }

    /// When the next statement is due.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.set.as_ref().map(|_| self.next)
    }

    /// The statement that is due, if one is. `wall` is the time of day, if it is known.
    pub(crate) fn poll(
        &mut self,
        now: Timestamp,
        wall: Option<u64>,
        signer: Option<&Signer>,
    ) -> Option<&[u8]> {
        let set = self.set.as_ref().filter(|_| now >= self.next)?;
        let last = INTERVALS.len() - 1;
        self.next = now + INTERVALS[self.sent.min(last)];
        self.sent = (self.sent + 1).min(last);
        if self.made.as_ref().is_none_or(|(_, made)| made.is_old(now, wall)) {
            self.serial = self.serial.or(wall);
            let bytes = statement(set, self.serial, wall).encode(signer);
            self.made = Some((bytes, Made::now(now, wall)));
        }
        self.made.as_ref().map(|(bytes, _)| bytes.as_slice())
    }
}

/// What is stated of a set at this time of day, if that is known.
fn statement(set: &StatedSet, serial: Option<u64>, wall: Option<u64>) -> Statement {
    let StatedSet { set, manifest, list, ref name, life } = *set;
    let serial = serial.unwrap_or(0);
    let expires = match (life, wall) {
        (Some(life), Some(_)) => serial.saturating_add(life.as_secs()),
        (_, wall) => expiry(wall),
    };
    let (created, name) = (wall.unwrap_or(0), name.clone());
    Statement { set, manifest, list, serial, created, expires, name }
}
