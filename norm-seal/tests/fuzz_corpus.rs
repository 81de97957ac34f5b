//! Replays the fuzzer's corpus, so that what it once found stays found without a fuzzer.

use std::path::Path;

/// Inputs of a target, and how many of them it takes.
fn replay(target: &str, take: fn(&[u8]) -> bool) -> (usize, usize) {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../norm-core/fuzz/corpus").join(target);
    let (mut files, mut taken) = (0, 0);
    for entry in std::fs::read_dir(&folder).expect("the corpus is committed") {
        let bytes = std::fs::read(entry.expect("a readable folder").path()).expect("a file");
        files += 1;
        taken += usize::from(take(&bytes));
    }
    (files, taken)
}

#[test]
fn datagrams_of_the_corpus_open_once_or_not_at_all() {
    let (files, opened) = replay("seal_open", norm_seal::exercise::open);
    assert!(opened >= 12, "{opened} of {files} open");
    assert!(files > 2 * opened, "most do not");
}

#[test]
fn statements_of_the_corpus_are_written_as_they_were_read() {
    let (files, signed) = replay("statement", norm_seal::exercise::statement);
    assert!(signed >= 1, "{signed} of {files} are signed");
    assert!(files > 2 * signed, "most are not");
}

#[test]
fn what_guards_say_to_each_other_is_taken_or_not() {
    let (files, taken) = replay("talk", norm_seal::exercise::talk);
    assert!(taken >= 4, "{taken} of {files} are taken");
    assert!(files > taken, "some are not");
}

#[test]
fn hellos_of_the_corpus_are_taken_or_not_and_never_twice() {
    let (files, taken) = replay("hello", norm_seal::exercise::hello);
    assert!(taken >= 2, "{taken} of {files} are taken");
    assert!(files > 2 * taken, "most are not");
}

#[test]
fn pages_of_the_corpus_bring_the_key_or_nothing() {
    let (files, taken) = replay("keys_page", norm_seal::exercise::keys);
    assert!(taken >= 1, "{taken} of {files} bring the key");
    assert!(files > 2 * taken, "most do not");
}

#[test]
fn requests_of_the_corpus_are_answered_or_not() {
    let (files, answered) = replay("key_request", norm_seal::exercise::key_request);
    assert!(answered >= 1, "{answered} of {files} are answered");
    assert!(files > 2 * answered, "most are not");
}

#[test]
fn feedback_of_the_corpus_is_of_no_recipient() {
    let (files, taken) = replay("attested", norm_seal::exercise::attested);
    assert!(files >= 3 && taken == 0, "{taken} of {files} are taken");
}

#[test]
fn lists_and_identities_of_the_corpus_are_read_or_refused() {
    for (target, read) in [
        ("recipients_file", norm_seal::exercise::recipients as fn(&[u8]) -> bool),
        ("identity_file", norm_seal::exercise::identities),
        ("key_file", norm_seal::exercise::key_file),
    ] {
        let (files, taken) = replay(target, read);
        assert!(taken >= 2 && files > taken, "{target}: {taken} of {files} are read");
    }
}
