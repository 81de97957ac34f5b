//! Which part of the code may name which other.
//!
//! NORM is a room, not the house: a second protocol moves in beside it. What both need (time,
//! codes, file sets, sockets) knows nothing of either, and of the message types of NORM least of
//! all.

use crate::paths::{Kind, Named, named};
use crate::sources::{Source, assert_none, files, is_within};

/// A part of the code, and a path that it must not name.
struct Wall {
    part: &'static str,
    unnamed: &'static [&'static str],
    /// Files and folders of the part that may name it all the same, with the reason.
    doors: &'static [(&'static str, &'static str)],
}

const WALLS: [Wall; 6] = [
    Wall {
        part: "norm-core/src",
        unnamed: &["norm"],
        doors: &[("norm-core/src/norm", "the room itself")],
    },
    Wall { part: "norm-files/src", unnamed: &["norm_core", "norm"], doors: &[] },
    Wall { part: "norm-http/src", unnamed: &["norm_core", "norm"], doors: &[] },
    Wall {
        part: "norm-net/src",
        unnamed: &["norm_core", "norm"],
        doors: &[
            ("norm-net/src/transfer/norm", "adapter between transfers and the NORM engines"),
            ("norm-net/src/objects", "DATA objects and streams, which only NORM has"),
        ],
    },
    Wall { part: "norm-net/src", unnamed: &["norm", "wire"], doors: &[] },
    Wall { part: "norm-cli/src", unnamed: &["norm_core", "norm"], doors: &[] },
];

#[test]
fn doors_lead_somewhere() {
    let gone = |door: &str| files(door, ".rs").is_empty();
    let doors = WALLS.iter().flat_map(|wall| wall.doors).map(|(door, _)| (*door).to_owned());
    assert_none(
        "doors in walls that lead nowhere",
        &doors.filter(|door| gone(door)).collect::<Vec<_>>(),
    );
}

#[test]
fn norm_is_named_in_its_room_only() {
    let mut found = Vec::new();
    for wall in &WALLS {
        for file in files(wall.part, ".rs").iter().filter(|file| !wall.has_door(file)) {
            for path in named(&file.syntax()).iter().filter(|path| wall.is_crossed_by(path)) {
                found.push(format!("{}:{}: {}", file.path, path.line, path.segments.join("::")));
            }
        }
    }
    assert_none("names of NORM outside of its room", &found);
}

impl Wall {
    fn has_door(&self, file: &Source) -> bool {
        self.doors.iter().any(|(door, _)| is_within(&file.path, door))
    }

    fn is_crossed_by(&self, path: &Named) -> bool {
        let takes_all = path.kind == Kind::Glob && path.segments == ["norm_core"];
        takes_all || path.segments.windows(self.unnamed.len()).any(|part| part == self.unnamed)
    }
}
