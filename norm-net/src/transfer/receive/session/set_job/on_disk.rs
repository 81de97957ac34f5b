//! What the engine knows to be on disk of a set's payload. Of files that the sender has withdrawn
//! that is not what it sends any more: no block is to be made with it.

use std::ops::Range;

use norm_core::base::range_set::RangeSet;
use norm_core::endpoint::ObjectRef;
use norm_files::sink::Part;

use super::super::engine::Engine;

/// Places in the payload of one set.
#[derive(Debug, Default)]
pub(super) struct OnDisk {
    /// On disk before it came.
    held: RangeSet,
    /// Of withdrawn files.
    stale: RangeSet,
    /// What of objects the engine still has of both.
    doubtful: Vec<(ObjectRef, Range<u64>)>,
    /// Where symbols of objects may be from before and after a change.
    mixed: Vec<(ObjectRef, Range<u64>)>,
}

impl OnDisk {
    /// Has the engine take an object, of which this is on disk, counted from its start.
    pub(super) fn accept(
        &mut self,
        engine: &mut impl Engine,
        object: ObjectRef,
        part: &Part,
        held: &RangeSet,
    ) {
        let mut usable = held.clone();
        for (from, to) in held.iter() {
            let place = part.offset + from..part.offset + to;
            self.held.insert(place.start, place.end);
            for (from, to) in self.stale.overlaps(place.start, place.end) {
                usable.remove(from - part.offset, to - part.offset);
                engine.note_unwanted(object, from - part.offset..to - part.offset);
            }
        }
        for (from, to) in self.stale.overlaps(part.offset, part.offset + part.size) {
            self.mixed.push((object, from - part.offset..to - part.offset));
        }
        engine.accept_with(object, &usable);
    }

    /// Has the engine know of more of an object that is on disk, counted from the start of the
    /// payload.
    pub(super) fn note(
        &mut self,
        engine: &mut impl Engine,
        object: ObjectRef,
        part: &Part,
        place: Range<u64>,
    ) {
        self.held.insert(place.start, place.end);
        for (from, to) in self.stale.overlaps(place.start, place.end) {
            engine.note_unwanted(object, from - part.offset..to - part.offset);
        }
        for (from, to) in self.stale.gaps(place.start, place.end) {
            engine.note_held(object, from - part.offset..to - part.offset);
        }
    }

    /// Notes the place of a withdrawn file; `objects` are those that were opened.
    pub(super) fn withdraw(
        &mut self,
        file: Range<u64>,
        objects: impl Iterator<Item = (ObjectRef, Part)>,
    ) {
        if file.is_empty() || self.stale.covers(file.start, file.end) {
            return;
        }
        self.stale.insert(file.start, file.end);
        for (object, part) in objects {
            let within = file.start.max(part.offset)..file.end.min(part.offset + part.size);
            if within.is_empty() {
                continue;
            }
            self.mixed.push((object, within.start - part.offset..within.end - part.offset));
            for (from, to) in self.held.overlaps(within.start, within.end) {
                self.doubtful.push((object, from - part.offset..to - part.offset));
            }
        }
    }

    /// Has the engine make blocks without what is stale, be it on disk or come. What a job has at
    /// the moment is left for the next time.
    pub(super) fn let_go(&mut self, engine: &mut impl Engine) {
        self.mixed.retain(|(object, place)| !engine.drop_symbols(*object, place));
        self.doubtful.retain(|(object, place)| {
            let is_done = engine.want_again(*object, std::slice::from_ref(place));
            if is_done {
                engine.note_unwanted(*object, place.clone());
            }
            !is_done
        });
    }
}
