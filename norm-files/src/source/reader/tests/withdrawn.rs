//! Files that change while they are sent.

use super::*;
use crate::source::WithdrawnFile;

const MIB: usize = CHUNK_BYTES as usize;

impl Fixture {
    fn withdrawn(&self) -> Vec<WithdrawnFile> {
        self.source.withdrawals().take()
    }

    /// The one file that was withdrawn since the last call: its number, and why.
    fn one_withdrawn(&self) -> (u32, String) {
        let mut all = self.withdrawn();
        let file = all.pop().expect("a file is withdrawn");
        assert!(all.is_empty(), "{all:?}");
        // The folder is entry 0.
        (file.entry - 1, file.error.to_string())
    }

    /// What is read of the payload.
    fn read_payload(&mut self, start: usize, end: usize) -> Vec<u8> {
        let first = self.source.set().first_extent();
        let extent = self.extents().extent_bytes as usize;
        assert_eq!(start / extent, (end - 1) / extent, "it is in one extent");
        let object = first + (start / extent) as u64;
        self.source.read(object, (start % extent) as u64, (end - start) as u32).unwrap().to_vec()
    }

    /// The payload with zeros in the place of these files.
    fn without(&self, files: &[usize]) -> Vec<u8> {
        let mut payload = self.payload.clone();
        let mut start = 0;
        for (number, size) in self.sizes.iter().enumerate() {
            if files.contains(&number) {
                payload[start..start + size].fill(0);
            }
            start += size;
        }
        payload
    }

    /// Writes other content into a file, which then counts as the file that was found.
    fn change_unseen(&mut self, number: usize, at: usize) {
        let path = self.path(number);
        let mut content = fs::read(&path).unwrap();
        content[at] ^= 1;
        fs::write(&path, content).unwrap();
        self.source.files.find_again();
    }

    /// The numbers of the chunks without a hash in the digest list.
    fn lost_chunks(&mut self) -> Vec<u32> {
        let list = self.read_digest_list();
        let list = DigestList::parse(&list, self.manifest, []).unwrap();
        assert_eq!(list.content().is_none(), list.withdrawn().next().is_some());
        list.withdrawn().collect()
    }
}

#[test]
fn files_that_are_modified_grow_shrink_or_vanish_are_withdrawn() {
    let mut fixture = fixture(&[100; 5], 1000);
    touch(&fixture.path(0));
    fs::write(fixture.path(1), [1; 101]).unwrap();
    fs::write(fixture.path(2), [1; 99]).unwrap();
    fs::remove_file(fixture.path(3)).unwrap();
    let expected = fixture.without(&[0, 1, 2, 3]);
    for (file, how) in [(0, "modified"), (1, "size"), (2, "shorter"), (3, "removed")] {
        let start = file as usize * 100;
        let read = fixture.read_payload(start, start + 100);
        assert_eq!(read, expected[start..start + 100]);
        let (withdrawn, why) = fixture.one_withdrawn();
        assert!(withdrawn == file && why.contains(how), "{why}");
        assert!(why.contains(&format!("0000{file}")), "{why}");
    }
    assert_eq!(fixture.read_payload(350, 500), expected[350..]);
    assert!(fixture.withdrawn().is_empty(), "each is told once");
    assert_eq!(fixture.lost_chunks(), [0, 1, 2, 3]);
    let hashes: Vec<_> = fixture.source.hashes().map(|file| file.path).collect();
    assert_eq!(hashes, [fixture.path(4)]);
    assert_eq!(fixture.source.content(), None);
}

#[test]
fn file_that_changes_amid_its_transfer_has_no_hash_at_all() {
    let mut fixture = fixture(&[MIB, 3 * MIB, 100], 1 << 21);
    let first = fixture.read_payload(0, 2 * MIB);
    assert_eq!(first, fixture.payload[..2 * MIB]);
    assert!(fixture.read_payload(2 * MIB, 3 * MIB - 5) == fixture.payload[2 * MIB..3 * MIB - 5]);
    touch(&fixture.path(1));
    assert!(fixture.read_payload(3 * MIB - 5, 4 * MIB).iter().all(|&byte| byte == 0));
    let withdrawn = fixture.withdrawn();
    let parts = vec![(1, MIB as u64..2 << 20), (2, 0..2 << 20)];
    assert_eq!((withdrawn.len(), &withdrawn[0].parts), (1, &parts));
    assert_eq!(fixture.lost_chunks(), [1, 2, 3]);
    // What was sent before is zeros when it is read again.
    assert_eq!(fixture.read_payload(0, 2 * MIB), fixture.without(&[1])[..2 * MIB]);
}

#[test]
fn list_that_was_made_stays_as_it_is() {
    let mut fixture = fixture(&[100, 100], 1000);
    let list = fixture.read_digest_list();
    fs::remove_file(fixture.path(0)).unwrap();
    assert_eq!(fixture.read_payload(0, 200), fixture.without(&[0]));
    assert_eq!(fixture.one_withdrawn().0, 0);
    assert_eq!(fixture.read_digest_list(), list);
    assert_eq!(fixture.source.content(), None);
}

#[test]
#[cfg(unix)]
fn file_that_is_removed_or_changed_by_its_inode_while_it_is_open_is_withdrawn() {
    use std::os::unix::fs::PermissionsExt;

    let mut fixture = fixture(&[100, 100], 1000);
    fixture.read_payload(0, 150);
    fs::remove_file(fixture.path(0)).unwrap();
    fs::set_permissions(fixture.path(1), fs::Permissions::from_mode(0o600)).unwrap();
    fixture.read_payload(50, 100);
    assert!(fixture.one_withdrawn().1.contains("removed"));
    fixture.read_payload(150, 200);
    assert!(fixture.one_withdrawn().1.contains("permissions"));
}

#[test]
#[cfg(unix)]
fn file_that_became_something_else_does_not_hang_the_reader() {
    let mut fixture = fixture(&[100], 1000);
    let path = fixture.path(0);
    fs::remove_file(&path).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    assert_eq!(fixture.read_payload(0, 100), [0; 100]);
    assert_eq!(fixture.one_withdrawn().0, 0);
}

#[test]
fn content_that_is_read_again_is_compared_with_what_was_first() {
    let mut fixture = fixture(&[50, 3 * MIB, 50], 1 << 23);
    fixture.read_payload(0, 2 * MIB + 100);
    // The chunk that is not whole yet has no hash.
    fixture.change_unseen(1, 2 * MIB + 20);
    fixture.read_payload(2 * MIB, 2 * MIB + 100);
    assert!(fixture.withdrawn().is_empty());
    // Another part of the chunk than the one that has changed.
    fixture.change_unseen(1, MIB + 10);
    fixture.read_payload(MIB / 2, MIB);
    assert!(fixture.withdrawn().is_empty(), "another chunk has changed");
    assert_eq!(fixture.read_payload(2 * MIB, 2 * MIB + 10), [0; 10]);
    let (file, why) = fixture.one_withdrawn();
    assert!(file == 1 && why.contains("its content was changed"), "{why}");
    fixture.change_unseen(0, 7);
    assert_eq!(fixture.read_payload(40, 60), [0; 20]);
    assert_eq!(fixture.one_withdrawn().0, 0);
    assert_eq!(fixture.lost_chunks(), [0, 1, 2, 3]);
}

#[test]
fn content_that_was_hashed_first_is_compared_in_whatever_order_it_is_read() {
    let ranges = [(0, MIB), (5 * MIB, 6 * MIB), (2 * MIB + 7, 2 * MIB + 8), (4 * MIB, 5 * MIB)];
    for changed in 0..6 {
        let mut fixture = fixture(&[MIB; 6], 1 << 24);
        fixture.source.hash_first(&mut |_| ControlFlow::Continue(())).unwrap().unwrap();
        fixture.change_unseen(changed, 7);
        for (start, end) in ranges {
            fixture.read_payload(start, end);
        }
        let is_read = ranges.iter().any(|(start, end)| (*start..*end).contains(&(changed * MIB)));
        let part_is_read = changed == 2;
        let withdrawn = fixture.withdrawn();
        assert_eq!(withdrawn.len(), usize::from(is_read || part_is_read), "{changed}");
        // In order, what is left.
        for start in (0..6 * MIB).step_by(700_000) {
            fixture.read_payload(start, (start + 700_000).min(6 * MIB));
        }
        assert_eq!(withdrawn.len() + fixture.withdrawn().len(), 1, "{changed}");
        let zeros = &fixture.read_payload(0, 6 * MIB)[changed * MIB..(changed + 1) * MIB];
        assert!(zeros.iter().all(|&byte| byte == 0), "{changed}");
        assert_eq!(fixture.source.content(), None);
    }
}

#[test]
fn many_files_that_changed_in_one_read_are_all_withdrawn() {
    let mut fixture = fixture(&[10; 300], 1 << 20);
    (0..300).step_by(2).for_each(|n| fs::remove_file(fixture.path(n)).unwrap());
    let gone: Vec<usize> = (0..300).step_by(2).collect();
    assert_eq!(fixture.read_payload(0, 3000), fixture.without(&gone));
    assert_eq!(fixture.withdrawn().len(), 150);
    let lost: Vec<u32> = (0..300).step_by(2).collect();
    assert_eq!(fixture.lost_chunks(), lost);
}

#[test]
fn standalone_file_that_changed_fails() {
    let mut fixture = fixture(&[100, 100], 1000);
    let found = scan(&[fixture.dir.path().to_owned()]).unwrap();
    let mut reader = Reader::of_files(vec![0, 100], found);
    touch(&fixture.path(1));
    assert!(reader.read(0, 0, 100).is_some() && reader.read(1, 0, 100).is_none());
    fixture.source = reader;
    assert!(fixture.failure().contains("00001: it was modified"));
    assert!(fixture.withdrawn().is_empty());
}
