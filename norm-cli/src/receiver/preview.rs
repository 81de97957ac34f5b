//! `norm-recv --dry-run`: what would become of files.

use norm_net::event::EntrySum;
use norm_net::{Change, PreviewEntry, ReceiveEvent, SetPreview};

use crate::json::{ReceiverEvent, WouldReceive};
use crate::output::Output;
use crate::text;

/// Says what would become of each entry, and of all of them.
pub(super) fn show(event: &ReceiveEvent, preview: &SetPreview, output: &mut Output) {
    preview.visit(&mut |entry| {
        output.event(&ReceiverEvent::WouldReceive(WouldReceive::new(&entry)));
        if entry.change != Change::Keep {
            output.results([line(&entry)]);
        }
    });
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
        Change::Delete => "delete",
    }
}

fn line(entry: &PreviewEntry<'_>) -> String {
    let more = match entry.link {
        Some(target) => format!(" -> {}", text::path(target.as_ref())),
        None if entry.is_directory => "/".to_owned(),
        None => String::new(),
    };
    format!("{:<8} {}{more}", name(entry.change), text::path(entry.path))
}

fn words(event: &ReceiveEvent) -> Option<String> {
    let &ReceiveEvent::DryRun { create, replace, keep, compare, refuse, delete, unwanted, .. } =
        event
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
        if sum.files + sum.directories + sum.links > 0 {
            parts.push(format!("{} {what}", amount(sum)));
        }
    }
    if delete.files > 0 {
        parts.push(format!("{} would be removed", text::count(delete.files, "file")));
    }
    if unwanted > 0 {
        parts.push(format!("{} not wanted (--only)", text::count(unwanted, "file")));
    }
    Some(format!("dry run: {}; nothing was received", parts.join(", ")))
}

/// Files with their bytes, links and directories.
fn amount(sum: EntrySum) -> String {
    let files = format!("{} ({})", text::count(sum.files, "file"), text::bytes(sum.bytes));
    let links = text::count(sum.links, "symbolic link");
    let directories = text::count(sum.directories, "directory");
    let none = sum.links + sum.directories == 0;
    let parts = [
        (sum.files > 0 || none, files),
        (sum.links > 0, links),
        (sum.directories > 0, directories),
    ];
    let parts: Vec<String> =
        parts.into_iter().filter(|(any, _)| *any).map(|(_, part)| part).collect();
    parts.join(" and ")
}
