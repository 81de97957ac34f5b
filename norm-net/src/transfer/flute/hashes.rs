//! Hashes of files of their own, which are told in the table.

use md5::Md5;
use norm_core::flute::sender::Profile;
use norm_core::transfer::{ObjectMeta, ObjectSpec};
use norm_files::source::Reader;
use sha2::{Digest, Sha256};

/// Bytes that are hashed before a session, of all files: more would keep it waiting for long.
const MAX_BYTES: u64 = 1 << 30;
/// Bytes that are read at a time.
const PIECE: u64 = 1 << 20;

/// The files as objects, with the hashes that this profile's receivers know. Files of more than
/// 1 GiB in all have none.
pub(super) fn add_hashes(
    profile: Profile,
    reader: &mut Reader,
    files: impl Iterator<Item = ObjectSpec>,
) -> Vec<ObjectSpec> {
    let mut files: Vec<ObjectSpec> = files.collect();
    if files.iter().map(|file| file.size).sum::<u64>() <= MAX_BYTES {
        for (number, file) in (0..).zip(&mut files) {
            // What cannot be read now is told when it is to be sent.
            if add_to(profile, reader, number, file).is_none() {
                reader.take_failure();
            }
        }
    }
    files
}

fn add_to(profile: Profile, reader: &mut Reader, number: u64, file: &mut ObjectSpec) -> Option<()> {
    let ObjectMeta::File { content, .. } = &mut file.meta else { return Some(()) };
    let mut md5 = profile.tells_md5().then(Md5::new);
    let mut sha256 = profile.tells_sha256().then(Sha256::new);
    let mut offset = 0;
    while offset < file.size {
        let len = PIECE.min(file.size - offset);
        let bytes = reader.read(number, offset, len as u32)?;
        md5.iter_mut().for_each(|hasher| hasher.update(&bytes));
        sha256.iter_mut().for_each(|hasher| hasher.update(&bytes));
        offset += len;
    }
    content.md5 = md5.map(|hasher| hasher.finalize().into());
    content.sha256 = sha256.map(|hasher| hasher.finalize().into());
    Some(())
}

#[cfg(test)]
mod tests {
    use norm_files::source::scan;

    use super::*;
    use crate::transfer::objects::FilePlan;

    #[test]
    fn files_have_the_hashes_that_the_receivers_of_the_profile_know() {
        let dir = tempfile::tempdir().unwrap();
        let (short, long) = (b"content".to_vec(), vec![7; 3_000_000]);
        std::fs::write(dir.path().join("a"), &short).unwrap();
        std::fs::write(dir.path().join("b"), &long).unwrap();
        for (profile, has_md5, has_sha256) in [
            (Profile::Rfc6726, true, true),
            (Profile::FluteCrate, true, false),
            (Profile::Mbms, true, false),
            (Profile::Mabr, false, true),
        ] {
            let found = scan(&[dir.path().to_owned()]).unwrap();
            let plan = FilePlan::new(&found, 10, |_| Ok(())).unwrap();
            let mut reader = Reader::of_files(plan.offsets(), found);
            let files = add_hashes(profile, &mut reader, plan.specs());
            for (file, bytes) in files.iter().zip([&short, &long]) {
                let ObjectMeta::File { content, .. } = &file.meta else { panic!("{file:?}") };
                let md5 = has_md5.then(|| Md5::digest(bytes).into());
                let sha256 = has_sha256.then(|| Sha256::digest(bytes).into());
                assert_eq!((content.md5, content.sha256), (md5, sha256), "{profile}");
            }
        }
    }
}
