//! `norm-recv --dry-run`: what would become of files.

use norm_net::event::EntrySum;
use norm_net::{Change, PreviewEntry, ReceiveEvent, SetPreview};

use crate::json::{ReceiverEvent, WouldReceive};
use crate::output::Output;
use crate::text;

/// Says what would become of each entry, and of all of them.
pub(super) fn show(event: &ReceiveEvent, preview: &SetPreview, output: &mut Output) {
    for entry in preview.entries() {
        output.event(&ReceiverEvent::WouldReceive(WouldReceive::new(&entry)));
        if entry.change != Change::Keep {
            output.results([line(&entry)]);
        }
    }
    output.event(event);
    if let Some(words) = words(event) {
        output.say(&words);
    }
}

/// The name of what would become of an entry.
pub(crate) fn name(change: Change) -> &'static str {
    match change {
        Change::Create => "create",
        Change::Replace => "replace",
        Change::Keep => "keep",
        Change::Compare => "compare",
        Change::Refuse => "refuse",
    }
}

fn line(entry: &PreviewEntry<'_>) -> String {
    let slash = if entry.is_directory { "/" } else { "" };
    format!("{:<8} {}{slash}", name(entry.change), text::path(entry.path))
}

fn words(event: &ReceiveEvent) -> Option<String> {
    let &ReceiveEvent::DryRun { create, replace, keep, compare, refuse, unwanted, .. } = event
    else {
        return None;
    };
    let mut parts = vec![format!("{} would be created", amount(create))];
    for (sum, what) in [
        (replace, "would be replaced"),
        (keep, "would stay, with the same content"),
        (compare, "would be compared, with the same size"),
        (refuse, "would be refused"),
    ] {
        if sum.files + sum.directories > 0 {
            parts.push(format!("{} {what}", amount(sum)));
        }
    }
    if unwanted > 0 {
        parts.push(format!("{} not wanted (--only)", text::count(unwanted, "file")));
    }
    Some(format!("dry run: {}; nothing was received", parts.join(", ")))
}

/// Files with their bytes, and directories.
fn amount(sum: EntrySum) -> String {
    let files = text::count(sum.files, "file");
    let files = format!("{files} ({})", text::bytes(sum.bytes));
    match (sum.files, sum.directories) {
        (_, 0) => files,
        (0, directories) => text::count(directories, "directory"),
        (_, directories) => format!("{files} and {}", text::count(directories, "directory")),
    }
}
