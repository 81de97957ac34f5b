//! Replays the fuzzer's corpus, so that what it once found stays found without a fuzzer.

use norm_core::norm::wire::exercise;
use std::path::Path;

/// Hands every file of a target's corpus to `accepts`; how many there are, and how many were taken.
fn replay(target: &str, accepts: impl Fn(&[u8]) -> bool) -> (usize, usize) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let (mut files, mut accepted) = (0, 0);
    for entry in std::fs::read_dir(&folder).expect("the corpus is committed") {
        let path = entry.expect("a readable folder").path();
        let bytes = std::fs::read(&path).expect("a readable file");
        files += 1;
        accepted += usize::from(accepts(&bytes));
    }
    (files, accepted)
}

#[test]
fn messages_of_the_corpus_keep_their_promises() {
    let (files, accepted) = replay("wire_message", |bytes| exercise::message(bytes).is_ok());
    assert!(accepted >= 20, "{accepted} of {files} are messages");
    assert!(files > accepted, "some are none");
}

#[test]
fn extensions_of_the_corpus_keep_their_promises() {
    let (files, accepted) = replay("wire_extensions", |bytes| exercise::extensions(bytes).is_ok());
    assert!(accepted >= 8, "{accepted} of {files} are extensions");
    assert!(files > accepted, "some are none");
}

#[test]
fn membership_queries_of_the_corpus_keep_their_promises() {
    let (files, accepted) = replay("membership_query", exercise::membership_query);
    assert!(accepted >= 4, "{accepted} of {files} parse");
    assert!(files > accepted, "some are not");
}

#[test]
fn content_of_the_corpus_keeps_its_promises() {
    use norm_core::fileset::exercise::{digest_list, manifest, withdrawal};
    let (files, good) = replay("manifest", |bytes| manifest(bytes).is_ok());
    assert!(good >= 2, "{good} of {files} are good");
    assert!(files > good, "some are not");
    let (files, good) = replay("digest_list", digest_list);
    assert!(good >= 1, "{good} of {files} are good");
    assert!(files > good, "some are not");
    let (files, good) = replay("withdrawal", withdrawal);
    assert!(good >= 2, "{good} of {files} are good");
    assert!(files > good, "some are not");
    let (files, good) = replay("set_info", exercise::set_info);
    assert!(good >= 1, "{good} of {files} are good");
    assert!(files > good, "some are not");
}

#[test]
fn packets_and_tables_of_flute_keep_their_promises() {
    use norm_core::flute::exercise::{fdt, packet, receiver};
    let (files, good) = replay("flute_packet", packet);
    assert!(good >= 2, "{good} of {files} are good");
    assert!(files > good, "some are not");
    let (files, good) = replay("flute_receiver", receiver);
    assert!(good >= 5, "{good} of {files} have an object");
    assert!(files > good, "some have none");
    let (files, good) = replay("fdt", fdt);
    assert!(good >= 2, "{good} of {files} are good");
    assert!(files > good, "some are not");
}

#[test]
fn announcements_of_the_corpus_keep_their_promises() {
    use norm_core::announce::exercise::{directory, sap, sdp};
    let (files, good) = replay("sdp", sdp);
    assert!(good >= 4, "{good} of {files} are good");
    assert!(files > good, "some are not");
    let (files, good) = replay("sap", sap);
    assert!(good >= 4, "{good} of {files} are good");
    assert!(files > good, "some are not");
    let (_, good) = replay("sap", directory);
    assert!(good >= 1, "{good} are lives of directories");
}

#[test]
fn engines_survive_the_sessions_of_the_corpus() {
    let survive = |exercise: fn(&[u8])| {
        move |bytes: &[u8]| {
            exercise(bytes);
            true
        }
    };
    let (files, _) = replay("receiver_engine", survive(norm_core::norm::exercise::receiver));
    assert!(files >= 6);
    let (files, _) = replay("sender_engine", survive(norm_core::norm::exercise::sender));
    assert!(files >= 6);
}

#[test]
fn streams_survive_the_operations_of_the_corpus() {
    let (files, _) = replay("stream", |bytes| {
        norm_core::norm::stream::exercise::stream(bytes);
        true
    });
    assert!(files >= 6);
}

#[test]
fn reed_solomon_codes_survive_the_blocks_of_the_corpus() {
    let (files, decoded) = replay("reed_solomon", norm_core::norm::exercise::reed_solomon);
    assert!(decoded >= 4, "{decoded} of {files} are decoded");
    assert!(files > decoded, "some are not");
}
