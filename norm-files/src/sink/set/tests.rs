use super::*;

const ID: SetId = SetId([1; 16]);
const KEY: u64 = 0x1_fffe;

/// Two extents of 10 and 5 bytes; ids wrap within the set.
fn info(kind: PartKind, offset: u64) -> SetDescriptor {
    let (set, content) = (ID, ContentId([3; 16]));
    SetDescriptor { kind, set, parts: 4, offset, payload_size: 15, content }
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
    assert_eq!((state.payload_size(), state.extents()), (15, 2));
    assert_eq!(state.bytes_total(), 15 + digest_list_len(2), "the manifest is not known yet");
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
    assert!(state.again(KEY + 10) && !state.is_written(KEY + 2));
    state.move_to(KEY + 4);
    assert_eq!(state.keys(), KEY + 8..KEY + 12, "never back");
}

#[test]
fn set_of_one_extent_has_room_for_exactly_that() {
    let info = |kind| SetDescriptor { parts: 3, ..info(kind, 0) };
    let mut state = SetState::new(KEY, index(KEY), &info(MANIFEST)).unwrap();
    assert_eq!(open(&mut state, KEY + 1, &info(PAYLOAD), 14), Err(SetError::WrongSize));
    assert_eq!(open(&mut state, KEY + 1, &info(PAYLOAD), 16), Err(SetError::WrongSize));
    assert!(open(&mut state, KEY + 1, &info(PAYLOAD), 15).is_ok());
}

#[test]
fn set_too_large_or_not_around_its_object_is_refused() {
    let many =
        |objects| SetDescriptor { parts: objects, payload_size: 1 << 40, ..info(PAYLOAD, 0) };
    assert!(SetState::new(KEY + 1, index(KEY + 1), &many(MAX_PARTS)).is_ok());
    for objects in [MAX_PARTS + 1, u32::MAX] {
        let refused = SetState::new(KEY + 1, index(KEY + 1), &many(objects)).unwrap_err();
        assert_eq!(refused, SetError::TooManyObjects);
    }
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
        SetDescriptor { set: SetId([2; 16]), ..good },
        SetDescriptor { parts: 5, ..good },
        SetDescriptor { payload_size: 16, ..good },
        SetDescriptor { content: ContentId([4; 16]), ..good },
    ];
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
        (KEY, MANIFEST, 0, MAX_MANIFEST_BYTES as u64 + 1),
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
    assert_eq!(open(&mut state, KEY, &info(MANIFEST, 0), 99), Err(SetError::Contradiction));
}

/// A state with everything written, and the hashes that its digest list announces.
fn written() -> (SetState, [Hash; 3]) {
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
    let hashes = [b"h", b"1", b"2"].map(|content| blake3::hash(content));
    let mut writer = norm_core::fileset::DigestListWriter::new(ID, &hashes[0]);
    writer.push(&hashes[1]).unwrap();
    writer.push(&hashes[2]).unwrap();
    let digests = Digests::parse(&writer.finish(), &ID, 2).unwrap();
    assert_eq!(state.verdict(), Verdict::Pending);
    state.digests_parsed(KEY + 3, digests);
    (state, hashes)
}

#[test]
fn set_is_good_when_every_part_matches_its_digest() {
    let (mut state, hashes) = written();
    for (index, hash) in hashes.into_iter().enumerate() {
        assert_eq!(state.verdict(), Verdict::Pending);
        state.hashed(KEY + index as u64, hash);
    }
    assert!(matches!(state.verdict(), Verdict::Good { .. }));
}

#[test]
fn wrong_extent_is_wanted_again_until_it_is_hopeless() {
    let (mut state, hashes) = written();
    for _ in 0..MAX_RESTARTS {
        state.hashed(KEY + 2, blake3::hash(b"damaged"));
        assert_eq!(state.verdict(), Verdict::Again(vec![KEY + 2]));
        assert_eq!(state.verdict(), Verdict::Pending, "it arrives again");
        assert!(!state.all_written());
    }
    state.hashed(KEY + 2, blake3::hash(b"damaged"));
    assert_eq!(state.verdict(), Verdict::Hopeless);

    let (mut state, _) = written();
    state.hashed(KEY + 2, blake3::hash(b"damaged"));
    state.verdict();
    for (index, hash) in hashes.into_iter().enumerate() {
        state.hashed(KEY + index as u64, hash);
    }
    assert!(matches!(state.verdict(), Verdict::Good { .. }), "the second try was right");
}
