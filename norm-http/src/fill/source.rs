//! A source: what its address leads to, and which bytes there are a chunk's.

use std::ops::Range;

use bytes::Bytes;
use norm_core::fileset::{ChunkMap, ContentHash};
use norm_files::complete::data_of;
use norm_files::sink::Plan;

use crate::client::SourceUrl;
use crate::protocol::route::{Part, Route, content_of};
use crate::protocol::sidecar::EXTENSION;

/// A source.
#[derive(Clone, Debug)]
pub(super) struct Source {
    /// As the user has named it.
    pub(super) named: SourceUrl,
    kind: Kind,
}

/// What an address leads to.
#[derive(Clone, Debug)]
enum Kind {
    /// A service, and the content that the address names.
    Service(Option<ContentHash>),
    /// A file or folder on a web server, with its lists beside it.
    Files(SourceUrl),
}

/// Where the bytes of some chunks are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) url: SourceUrl,
    pub(super) range: Range<u64>,
    /// Bytes of all that the address leads to.
    pub(super) size: u64,
}

impl Source {
    /// What an address leads to: the root of a host is a service, and so is `/norm/1/CONTENT`.
    pub(super) fn new(named: &SourceUrl) -> Self {
        let content = content_of(named.path());
        let kind = if named.path() == "/" || content.is_some() {
            Kind::Service(content)
        } else {
            let path = named.path().trim_end_matches('/');
            let path = path.strip_suffix(EXTENSION).unwrap_or(path);
            Kind::Files(named.shortened(path.len()))
        };
        Self { named: named.clone(), kind }
    }

    /// True for a service.
    pub(super) fn is_service(&self) -> bool {
        matches!(self.kind, Kind::Service(_))
    }

    /// The content that the address names.
    pub(super) fn content(&self) -> Option<ContentHash> {
        if let Kind::Service(content) = self.kind { content } else { None }
    }

    /// Where a service has something.
    pub(super) fn of_service(&self, route: Route) -> SourceUrl {
        self.named.with_path(route.path())
    }

    /// The file with the lists, of a web server.
    pub(super) fn sidecar(&self) -> Option<SourceUrl> {
        if let Kind::Files(url) = &self.kind { Some(url.with_suffix(EXTENSION)) } else { None }
    }

    /// True when a chunk follows the one before it in the same answer.
    pub(super) fn follows(&self, map: &ChunkMap, before: u32, after: u32) -> bool {
        let (Some(first), Some(second)) = (map.chunk(before), map.chunk(after)) else {
            return false;
        };
        let in_file = first.file == second.file && first.offset + first.len == second.offset;
        before.checked_add(1) == Some(after) && (self.is_service() || in_file)
    }

    /// Where these chunks are, of which each follows the one before it.
    pub(super) fn place(
        &self,
        content: ContentHash,
        plan: &Plan,
        chunks: &Range<u32>,
    ) -> Option<Place> {
        let map = plan.chunks();
        let first = map.chunk(chunks.start)?;
        let last = map.chunk(chunks.end.checked_sub(1)?)?;
        Some(match &self.kind {
            Kind::Service(_) => Place {
                url: self.of_service(Route::Part(content, Part::Payload)),
                range: first.payload..last.range().end,
                size: map.payload_size(),
            },
            Kind::Files(url) => {
                let name = plan.sent_path(first.file)?;
                // A file that is sent alone may have another name there.
                let is_alone = plan.file_count() == 1 && name.components().count() == 1;
                let url = if is_alone { url.clone() } else { url.beside(&name) };
                Place { url, range: first.offset..last.offset + last.len, size: first.size }
            }
        })
    }

    /// Bytes that travel of a chunk.
    pub(super) fn travels(&self, map: &ChunkMap, chunk: u32) -> Option<u64> {
        let chunk = map.chunk(chunk)?;
        Some(if self.is_service() { chunk.data } else { chunk.len })
    }

    /// The data of a chunk, of what has travelled.
    pub(super) fn data(&self, map: &ChunkMap, chunk: u32, bytes: Vec<u8>) -> Option<Bytes> {
        let found = map.chunk(chunk)?;
        match self.is_service() || map.sparse(found.file).is_none() {
            true => Some(bytes.into()),
            false => data_of(map, &found, &bytes).map(Bytes::from),
        }
    }
}

#[cfg(test)]
mod tests {
    use norm_core::fileset::{Entry, EntryKind, ManifestWriter};

    use super::*;

    const MIB: u64 = 1 << 20;

    fn plan(files: &[(&str, u64)]) -> Plan {
        let mut writer = ManifestWriter::new();
        for &(name, size) in files {
            writer.push(&Entry { size, ..Entry::new(EntryKind::File, name) }).unwrap();
        }
        Plan::new(&writer.finish().0, files.iter().map(|(_, size)| size).sum()).unwrap()
    }

    fn source(url: &str) -> Source {
        Source::new(&SourceUrl::parse(url).unwrap())
    }

    #[test]
    fn addresses_lead_to_services_or_files() {
        let digits = "a5".repeat(32);
        assert!(source("http://host:5740").is_service());
        let named = source(&format!("http://host/norm/1/{digits}/"));
        assert_eq!(named.content(), Some(ContentHash([0xa5; 32])));
        let sidecar = |url| source(url).sidecar().unwrap().to_string();
        assert_eq!(sidecar("http://host/a/image.iso?x=1"), "http://host/a/image.iso.norm?x=1");
        assert_eq!(sidecar("http://host/a/image.iso.norm"), "http://host/a/image.iso.norm");
        assert_eq!(sidecar("http://host/photos/"), "http://host/photos.norm");
    }

    #[test]
    fn chunks_are_in_the_payload_of_a_service_and_in_files_of_a_server() {
        let content = ContentHash([0xa5; 32]);
        let two = plan(&[("set/a", 2 * MIB + 5), ("set/b c", 7)]);
        let (service, server) = (source("http://host/"), source("http://host/x/set"));
        let place = service.place(content, &two, &(1..4)).unwrap();
        assert_eq!((place.range, place.size), (MIB..2 * MIB + 12, 2 * MIB + 12));
        let place = server.place(content, &two, &(3..4)).unwrap();
        assert_eq!(place.url.to_string(), "http://host/x/set/b%20c");
        assert_eq!((place.range, place.size), (0..7, 7));
        let follows = |source: &Source, n| source.follows(two.chunks(), n, n + 1);
        assert!(follows(&service, 1) && follows(&service, 2) && !follows(&service, 3));
        assert!(follows(&server, 1) && !follows(&server, 2), "b is another file");
        assert_eq!(server.place(content, &two, &(4..5)), None);
    }

    #[test]
    fn only_file_may_have_another_name_on_the_server() {
        let one = plan(&[("image.iso", 3)]);
        let server = source("http://host/latest?x=1");
        let place = server.place(ContentHash([0; 32]), &one, &(0..1)).unwrap();
        assert_eq!(place.url.to_string(), "http://host/latest?x=1");
    }
}
