//! How far a sender has come in its run of objects.

use crate::norm::receiver::nack::need::Position;
use crate::norm::wire::{MovedObjects, ObjectId};

/// Keys start here, so that objects before the first one heard have keys.
const KEY_BASE: u64 = 1 << 16;
/// NACKs that ask for the INFO of an empty object before it counts as lost: NORM_ROBUST_FACTOR (RFC
/// 5740 §4.2.3.1).
const MAX_EMPTY_REQUESTS: u32 = 20;

/// Where a sender is, as far as was heard.
#[derive(Debug)]
pub(crate) struct Timeline {
    /// The greatest object key heard of; `None` before reception begins.
    newest: Option<u64>,
    /// The greatest object key that a signed message has told of, where messages are signed.
    proved: Option<u64>,
    /// The greatest place of first transmission heard.
    position: Position,
    /// Everything before was sent: what of it is missing may be asked for.
    due: Position,
    empty: Option<EmptyObject>,
    /// What is lost comes again by itself.
    turning: bool,
    /// What the sender said last of objects that have moved.
    moved: MovedObjects,
}

/// An object without blocks, of which only a FLUSH was heard. INFO is all that there is of it.
#[derive(Copy, Clone, Debug)]
struct EmptyObject {
    key: u64,
    /// NACKs that asked for its INFO.
    asked: u32,
}

impl Timeline {
    pub(super) fn new() -> Self {
        Self {
            newest: None,
            proved: None,
            position: Position::default(),
            due: Position::default(),
            empty: None,
            turning: false,
            moved: MovedObjects::default(),
        }
    }

    /// Reception begins at an object.
    pub(super) fn begin(&mut self, key: u64) {
        self.newest = Some(key);
    }

    /// The key nearest to the newest one with these low 16 bits. Before reception begins that is
    /// one above the base.
    pub(crate) fn key_of(&self, id: ObjectId) -> u64 {
        let Some(newest) = self.newest else { return KEY_BASE + u64::from(id.0) };
        let ahead = id.0.wrapping_sub(newest as u16);
        if ahead < 0x8000 {
            newest + u64::from(ahead)
        } else {
            newest.saturating_sub(u64::from(ahead.wrapping_neg()))
        }
    }

    /// The greatest object key heard of.
    pub(crate) fn newest(&self) -> u64 {
        self.newest.unwrap_or(KEY_BASE)
    }

    /// Notes that an object was heard of.
    pub(crate) fn note_key(&mut self, key: u64) {
        self.newest = Some(self.newest().max(key));
    }

    /// True when a signed message has told of an object.
    pub(crate) fn is_proved(&self) -> bool {
        self.proved.is_some()
    }

    /// Notes that a signed message tells of an object.
    pub(crate) fn prove(&mut self, key: u64) {
        self.proved = Some(self.proved.map_or(key, |proved| proved.max(key)));
    }

    /// True when there may be such an object, of which no signed message has told yet: the next one
    /// at most, because every member can name any.
    pub(crate) fn may_have(&self, key: u64) -> bool {
        key <= self.proved.unwrap_or_else(|| self.newest()).saturating_add(1)
    }

    /// The sender says that objects have moved: true when it says so for the second time. A packet
    /// that was damaged on the way is not like another one.
    pub(crate) fn is_moved_again(&mut self, moved: MovedObjects) -> bool {
        core::mem::replace(&mut self.moved, moved) == moved && moved.layouts > 0
    }

    /// The greatest place of first transmission heard.
    pub(crate) fn position(&self) -> Position {
        self.position
    }

    /// The key of the last object that the sender is known to have.
    pub(crate) fn last_key(&self) -> u64 {
        self.newest().max(self.position.key)
    }

    /// Notes a place of first transmission. True when more is due than before.
    pub(crate) fn reach(&mut self, here: Position) -> bool {
        self.note_key(here.key);
        if here <= self.position {
            return false;
        }
        self.position = here;
        self.make_due(here)
    }

    /// Notes whether what is lost comes again by itself: the sender sends in passes, and this was
    /// not the last one.
    pub(crate) fn note_turning(&mut self, turning: bool) {
        self.turning = turning;
    }

    /// True while what is lost comes again by itself.
    pub(crate) fn is_turning(&self) -> bool {
        self.turning
    }

    /// Everything before was sent: what of it is missing may be asked for.
    pub(crate) fn due(&self) -> Position {
        self.due
    }

    /// Everything before `bound` was sent. True when more is due than before.
    pub(crate) fn make_due(&mut self, bound: Position) -> bool {
        let news = bound > self.due;
        self.due = self.due.max(bound);
        news
    }

    /// The sender has fallen silent: the block at its position is the last one.
    pub(crate) fn make_all_due(&mut self) {
        // A forged block number may be the last one.
        self.make_due(Position::new(self.position.key, self.position.block.saturating_add(1)));
    }

    /// A FLUSH says that this object is empty.
    pub(crate) fn note_empty(&mut self, key: u64) {
        if !self.is_empty_object(key) {
            self.empty = Some(EmptyObject { key, asked: 0 });
        }
    }

    /// True for the object that a FLUSH says is empty.
    pub(crate) fn is_empty_object(&self, key: u64) -> bool {
        self.empty.is_some_and(|empty| empty.key == key)
    }

    /// Notes that a NACK asks for the empty object's INFO.
    pub(crate) fn note_empty_asked(&mut self) {
        if let Some(empty) = &mut self.empty {
            empty.asked += 1;
        }
    }

    /// The key of the empty object, once if its INFO was asked for in vain too often.
    pub(crate) fn take_lost_empty(&mut self) -> Option<u64> {
        self.empty.take_if(|empty| empty.asked >= MAX_EMPTY_REQUESTS).map(|empty| empty.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn object_keys_stay_near_the_newest_one() {
        let mut timeline = Timeline::new();
        assert_eq!(timeline.key_of(ObjectId(5)), KEY_BASE + 5);
        assert_eq!(timeline.key_of(ObjectId(65_535)), KEY_BASE + 65_535);
        timeline.begin(KEY_BASE + 5);
        assert_eq!(timeline.key_of(ObjectId(65_535)), KEY_BASE - 1);
        timeline.note_key(KEY_BASE + 65_530);
        assert_eq!(timeline.key_of(ObjectId(3)), 2 * KEY_BASE + 3);
        timeline.note_key(KEY_BASE);
        assert_eq!(timeline.last_key(), KEY_BASE + 65_530);
    }

    #[test]
    fn moved_objects_are_believed_when_they_are_told_twice() {
        let mut timeline = Timeline::new();
        let moved = MovedObjects { first: ObjectId(7), objects: 3, layouts: 1 };
        assert!(!timeline.is_moved_again(MovedObjects::default()), "none has");
        assert!(!timeline.is_moved_again(moved));
        assert!(!timeline.is_moved_again(MovedObjects { first: ObjectId(8), ..moved }));
        assert!(!timeline.is_moved_again(moved) && timeline.is_moved_again(moved));
    }

    #[test]
    fn position_and_due_bound_only_advance() {
        let mut timeline = Timeline::new();
        assert!(timeline.reach(Position::new(7, 3)));
        assert!(!timeline.reach(Position::new(7, 2)) && !timeline.reach(Position::new(7, 3)));
        assert!(timeline.make_due(Position::new(8, 0)));
        assert!(!timeline.reach(Position::new(7, 5)), "a FLUSH has made it due");
        timeline.make_all_due();
        assert_eq!(
            (timeline.position(), timeline.due()),
            (Position::new(7, 5), Position::new(8, 0))
        );
    }
}
