//! Replays the fuzzer's corpus, so that what it once found stays found without a fuzzer.

use std::path::Path;

#[test]
fn datagrams_of_the_corpus_open_once_or_not_at_all() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../norm-core/fuzz/corpus/seal_open");
    let (mut files, mut opened) = (0, 0);
    for entry in std::fs::read_dir(&folder).expect("the corpus is committed") {
        let bytes = std::fs::read(entry.expect("a readable folder").path()).expect("a file");
        files += 1;
        opened += usize::from(norm_seal::exercise::open(&bytes));
    }
    assert!(opened >= 12, "{opened} of {files} open");
    assert!(files > 2 * opened, "most do not");
}
