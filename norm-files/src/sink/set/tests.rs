use norm_core::fileset::{ChunkHash, ContentHash, DigestListWriter, Holes, digest_list_len};

use super::*;

const ID: SetId = SetId([1; 16]);
const KEY: u64 = 0x1_fffe;
/// No objects.
const NO_KEYS: [u64; 0] = [];

/// Two extents of 10 and 5 bytes; ids wrap within the set. There are two chunks.
const SET: SetSummary = SetSummary {
    set: ID,
    parts: 4,
    list_first: false,
    payload_size: 15,
    manifest_size: 100,
    list_size: digest_list_len(2),
    manifest: ManifestHash([3; 32]),
    content: None,
};

fn info(kind: PartKind, offset: u64) -> SetDescriptor {
    SetDescriptor { kind, offset, set: SET }
}

/// Files of 12 and 3 bytes: a chunk each, of which the first is in both extents.
fn map() -> ChunkMap {
    let mut map = ChunkMap::default();
    map.push(12, Holes::NONE).unwrap();
    map.push(3, Holes::NONE).unwrap();
    map
}

/// The index that an object with this key has in the set.
fn index(key: u64) -> u32 {
    u32::from((key as u16).wrapping_sub(0xfffe))
}

fn open(state: &mut SetState, key: u64, info: &SetDescriptor, size: u64) -> Result<Part, SetError> {
    state.open(key, index(key), info, size)
}

fn state() -> SetState {
    SetState::new(KEY + 2, index(KEY + 2), &info(PartKind::Payload, 10)).unwrap()
}

const MANIFEST: PartKind = PartKind::Manifest;
const DIGESTS: PartKind = PartKind::DigestList;
const PAYLOAD: PartKind = PartKind::Payload;

#[test]
fn any_object_tells_which_keys_the_set_has() {
    let state = state();
    assert_eq!(state.keys(), KEY..KEY + 4);
    assert_eq!((state.payload_size(), state.summary().extents()), (15, 2));
    assert_eq!(state.bytes_total(), 15 + 100 + digest_list_len(2));
}

#[test]
fn extents_over_a_place_are_found_among_those_that_are_known() {
    // Extents of 10 bytes, of which some are known.
    let set = SetSummary { parts: 102, payload_size: 1_000, ..SET };
    let of = |index: u32| {
        let kind = set.kind_of(index).unwrap();
        let offset = if kind == PAYLOAD { u64::from(index - 1) * 10 } else { 0 };
        (SetDescriptor { kind, offset, set }, if kind == PAYLOAD { 10 } else { 100 })
    };
    let mut state = SetState::new(1_000, 0, &of(0).0).unwrap();
    let over = |state: &SetState, range: Range<u64>| -> Vec<u64> {
        state.extents_over(range).map(|(key, _)| key - 1_000).collect()
    };
    assert_eq!(over(&state, 0..1_000), NO_KEYS);
    let known = [0, 1, 2, 5, 6, 40, 99, 100];
    for index in known {
        let (info, size) = of(index);
        state.open(1_000 + u64::from(index), index, &info, size).unwrap();
    }
    for (start, end) in (0..1_000).flat_map(|start| (0..60).map(move |len| (start, start + len))) {
        let is_over = |&index: &u64| index > 0 && index * 10 > start && (index - 1) * 10 < end;
        let expected: Vec<u64> = known.into_iter().map(u64::from).filter(is_over).collect();
        assert_eq!(over(&state, start..end), expected, "{start}..{end}");
    }
}

#[test]
fn objects_that_fit_may_be_opened_again() {
    let mut state = state();
    let second = open(&mut state, KEY + 2, &info(PAYLOAD, 10), 5).unwrap();
    assert_eq!((second.kind, second.offset, second.size), (PAYLOAD, 10, 5));
    assert_eq!(open(&mut state, KEY + 2, &info(PAYLOAD, 10), 5), Ok(second));
    assert!(open(&mut state, KEY + 1, &info(PAYLOAD, 0), 10).is_ok());
    assert!(open(&mut state, KEY, &info(MANIFEST, 0), 100).is_ok());
    assert!(open(&mut state, KEY + 3, &info(DIGESTS, 0), digest_list_len(2)).is_ok());
    assert_eq!(state.part(KEY + 1), Some(Part { kind: PAYLOAD, offset: 0, size: 10 }));
    assert_eq!(state.bytes_total(), 15 + 100 + digest_list_len(2));
    assert_eq!(state.part(KEY + 4), None);
    assert_eq!(state.part(KEY - 1), None);
}

#[test]
fn objects_that_were_cut_anew_are_the_same_under_other_keys() {
    let mut state = state();
    let part = open(&mut state, KEY + 2, &info(PAYLOAD, 10), 5).unwrap();
    assert_eq!(state.written(KEY + 2), Some(part));
    state.move_to(KEY + 3);
    assert_eq!(state.keys(), KEY..KEY + 4, "three keys are no layout");
    state.move_to(KEY + 8);
    assert_eq!(state.keys(), KEY + 8..KEY + 12);
    assert_eq!(state.open(KEY + 10, 2, &info(PAYLOAD, 10), 5), Ok(part));
    assert!(state.is_written(KEY + 10) && !state.is_written(KEY + 9));
    assert_eq!((state.written(KEY + 10), state.part(KEY + 6)), (None, Some(part)));
    assert!(state.owns(KEY) && !state.owns(KEY - 1) && !state.owns(KEY + 12));
    state.damaged(11..12);
    assert_eq!(state.take_restarts(), [KEY + 10]);
    assert!(!state.is_written(KEY + 2));
    state.move_to(KEY + 4);
    assert_eq!(state.keys(), KEY + 8..KEY + 12, "never back");
}

#[test]
fn set_of_one_extent_has_room_for_exactly_that() {
    let set = SetSummary { parts: 3, ..SET };
    let info = |kind| SetDescriptor { kind, offset: 0, set };
    let mut state = SetState::new(KEY, index(KEY), &info(MANIFEST)).unwrap();
    assert_eq!(open(&mut state, KEY + 1, &info(PAYLOAD), 14), Err(SetError::WrongSize));
    assert_eq!(open(&mut state, KEY + 1, &info(PAYLOAD), 16), Err(SetError::WrongSize));
    assert!(open(&mut state, KEY + 1, &info(PAYLOAD), 15).is_ok());
}

#[test]
fn set_too_large_or_not_around_its_object_is_refused() {
    let with = |set| SetDescriptor { set, ..info(PAYLOAD, 0) };
    let many = |parts| with(SetSummary { parts, payload_size: 1 << 40, ..SET });
    assert!(SetState::new(KEY + 1, index(KEY + 1), &many(MAX_PARTS)).is_ok());
    for objects in [MAX_PARTS + 1, u32::MAX] {
        let refused = SetState::new(KEY + 1, index(KEY + 1), &many(objects)).unwrap_err();
        assert_eq!(refused, SetError::TooManyObjects);
    }
    let long = with(SetSummary { manifest_size: MAX_MANIFEST_READ + 1, ..SET });
    assert_eq!(SetState::new(KEY, 0, &long).unwrap_err(), SetError::WrongSize);
    for key in [KEY - 1, KEY + 4, 3] {
        assert_eq!(
            SetState::new(key, index(key), &info(PAYLOAD, 0)).unwrap_err(),
            SetError::OutsideSet
        );
    }
}

#[test]
fn objects_that_describe_another_set_are_refused() {
    let good = info(PAYLOAD, 0);
    let liars = [
        SetSummary { set: SetId([2; 16]), ..SET },
        SetSummary { parts: 5, ..SET },
        SetSummary { list_first: true, ..SET },
        SetSummary { payload_size: 16, ..SET },
        SetSummary { manifest_size: 99, ..SET },
        SetSummary { list_size: digest_list_len(3), ..SET },
        SetSummary { manifest: ManifestHash([4; 32]), ..SET },
    ];
    let liars = liars.map(|set| SetDescriptor { set, ..good });
    for liar in liars {
        assert_eq!(
            open(&mut state(), KEY + 1, &liar, 10),
            Err(SetError::Contradiction),
            "{liar:?}"
        );
    }
    assert_eq!(state().open(KEY + 1, 2, &good, 10), Err(SetError::Contradiction));
    assert_eq!(open(&mut state(), KEY + 4, &good, 10), Err(SetError::OutsideSet));
    for (key, kind) in [(KEY, PAYLOAD), (KEY, DIGESTS), (KEY + 1, MANIFEST), (KEY + 3, PAYLOAD)] {
        assert_eq!(open(&mut state(), key, &info(kind, 0), 10), Err(SetError::WrongKind));
    }
}

#[test]
fn impossible_sizes_are_refused() {
    let cases = [
        (KEY, MANIFEST, 0, 99),
        (KEY, MANIFEST, 0, 101),
        (KEY + 3, DIGESTS, 0, digest_list_len(2) - 1),
        (KEY + 3, DIGESTS, 0, digest_list_len(3)),
        (KEY + 1, PAYLOAD, 0, 0),
        // Nothing would be left for the second extent, or the first one does not begin at 0.
        (KEY + 1, PAYLOAD, 0, 15),
        (KEY + 1, PAYLOAD, 1, 9),
        (KEY + 1, PAYLOAD, 0, u64::MAX),
        // The second one must end where the payload ends, and leave a byte for the first.
        (KEY + 2, PAYLOAD, 10, 4),
        (KEY + 2, PAYLOAD, 10, 6),
        (KEY + 2, PAYLOAD, 14, u64::MAX),
        (KEY + 2, PAYLOAD, 0, 15),
    ];
    for (key, kind, offset, size) in cases {
        let opened = open(&mut state(), key, &info(kind, offset), size);
        assert_eq!(opened, Err(SetError::WrongSize), "{key} {kind:?} {offset} {size}");
    }
}

#[test]
fn extents_may_neither_overlap_nor_leave_a_gap() {
    for size in [9, 11] {
        let mut state = state();
        open(&mut state, KEY + 2, &info(PAYLOAD, 10), 5).unwrap();
        assert_eq!(open(&mut state, KEY + 1, &info(PAYLOAD, 0), size), Err(SetError::WrongSize));
        let mut state = self::state();
        open(&mut state, KEY + 1, &info(PAYLOAD, 0), size).unwrap();
        assert_eq!(open(&mut state, KEY + 2, &info(PAYLOAD, 10), 5), Err(SetError::WrongSize));
    }
    let mut state = state();
    open(&mut state, KEY, &info(MANIFEST, 0), 100).unwrap();
    assert_eq!(open(&mut state, KEY, &info(MANIFEST, 0), 99), Err(SetError::WrongSize));
}

/// Where ranges begin and end.
fn ends(ranges: &[Range<u64>]) -> Vec<(u64, u64)> {
    ranges.iter().map(|range| (range.start, range.end)).collect()
}

/// A state with everything written.
fn written() -> SetState {
    let mut state = state();
    let parts = [(0, MANIFEST, 0, 100), (1, PAYLOAD, 0, 10), (2, PAYLOAD, 10, 5)];
    for (index, kind, offset, size) in parts {
        open(&mut state, KEY + index, &info(kind, offset), size).unwrap();
        assert!(!state.all_written());
        assert_eq!(state.written(KEY + index).unwrap().kind, kind);
    }
    open(&mut state, KEY + 3, &info(DIGESTS, 0), digest_list_len(2)).unwrap();
    state.written(KEY + 3).unwrap();
    assert!(state.all_written());
    state
}

#[test]
fn digest_list_may_come_before_the_payload() {
    let set = SetSummary { list_first: true, content: Some(ContentHash([9; 32])), ..SET };
    let info = |kind, offset| SetDescriptor { kind, offset, set };
    let mut state = SetState::new(KEY + 1, 1, &info(DIGESTS, 0)).unwrap();
    assert!(open(&mut state, KEY + 3, &info(PAYLOAD, 10), 5).is_ok());
    assert_eq!(
        open(&mut state, KEY + 2, &info(PAYLOAD, 0), 9),
        Err(SetError::WrongSize),
        "a gap before the last one"
    );
    assert_eq!(open(&mut state, KEY + 1, &info(PAYLOAD, 0), 9), Err(SetError::WrongKind));
    assert!(open(&mut state, KEY + 1, &info(DIGESTS, 0), digest_list_len(2)).is_ok());
    assert!(open(&mut state, KEY + 2, &info(PAYLOAD, 0), 10).is_ok());
}

#[test]
fn content_hash_may_become_known() {
    let mut state = state();
    let content = Some(ContentHash([9; 32]));
    let known = SetDescriptor { set: SetSummary { content, ..SET }, ..info(MANIFEST, 0) };
    assert!(open(&mut state, KEY, &known, 100).is_ok());
    assert_eq!(state.summary().content, content);
    assert!(open(&mut state, KEY + 1, &info(PAYLOAD, 0), 10).is_ok());
    let content = Some(ContentHash([8; 32]));
    let other = SetDescriptor { set: SetSummary { content, ..SET }, ..known };
    assert_eq!(open(&mut state, KEY, &other, 100), Err(SetError::Contradiction));
}

#[test]
fn lists_are_checked_when_both_are_what_they_should_be() {
    let mut state = written();
    assert!(!state.lists_are_checked());
    state.manifest_checked(KEY);
    let mut writer = DigestListWriter::new(SET.manifest);
    writer.push(&ChunkHash([1; 32])).unwrap();
    let digests = Arc::new(Digests::parse(&writer.finish().0, SET.manifest).unwrap());
    assert!(!state.lists_are_checked() && state.digests().is_none());
    state.digests_parsed(KEY + 3, digests);
    assert!(state.lists_are_checked() && state.digests().is_some());
    assert!(state.again(KEY) && state.again(KEY), "twice");
    assert!(!state.again(KEY) && !state.lists_are_checked());
}

#[test]
fn wrong_chunk_is_wanted_again_and_fails_its_file_alone() {
    let (mut state, map, none) = (written(), map(), WithdrawnFiles::default());
    for _ in 1..MAX_TRIES {
        assert_eq!(ends(&state.wrong(&[1], &map, &none)), [(12, 15)]);
        assert_eq!(state.take_restarts(), [KEY + 2]);
        assert_eq!(state.take_restarts(), NO_KEYS);
        assert!(!state.all_written() && state.is_written(KEY + 1));
        open(&mut state, KEY + 2, &info(PAYLOAD, 10), 5).unwrap();
        assert!(state.written(KEY + 2).is_some());
        assert!(state.failed().is_empty());
    }
    assert_eq!(state.wrong(&[1], &map, &none), []);
    assert_eq!(state.take_restarts(), NO_KEYS);
    assert_eq!(state.failed().iter().collect::<Vec<_>>(), [&1]);
    assert_eq!(
        ends(&state.wrong(&[0, 1], &map, &none)),
        [(0, 12)],
        "the other file may still become right"
    );
    assert_eq!(state.take_restarts(), [KEY + 1, KEY + 2], "it is in both extents");
}

#[test]
fn what_is_damaged_is_wanted_once_its_extent_is_written() {
    let mut state = state();
    open(&mut state, KEY + 1, &info(PAYLOAD, 0), 10).unwrap();
    state.damaged(3..4);
    state.damaged(12..13);
    assert_eq!(state.take_restarts(), NO_KEYS, "it arrives");
    state.written(KEY + 1).unwrap();
    assert_eq!(state.take_restarts(), [KEY + 1]);
    open(&mut state, KEY + 2, &info(PAYLOAD, 10), 5).unwrap();
    state.written(KEY + 2).unwrap();
    assert_eq!(state.take_restarts(), NO_KEYS, "it was known to be missing when it was opened");
}
