//! The manifest and the digest list of what is wanted, from the first source that has them.

use std::path::Path;
use std::time::{Duration, Instant};

use norm_core::fileset::{
    CHUNK_BYTES, ContentHash, HASH_BYTES, Manifest, ManifestHash, digest_list_len,
    is_digest_list_len,
};
use norm_files::{Keeper, KeptBytes};
use tokio::time::timeout;

use super::source::Source;
use super::{FillError, FillEvent, FillOptions};
use crate::client::{Answer, Client, HttpError, SourceUrl};
use crate::protocol::catalogue::{self, ListedSet, MAX_CATALOGUE_BYTES};
use crate::protocol::route::{Part, Route};
use crate::protocol::sidecar::{HEADER_BYTES, MAX_MANIFEST_BYTES, Sidecar};

/// The lowest rate of a source in bytes per second, on average, and the time before it counts.
const LEAST_RATE: u64 = 16 << 10;
const PATIENCE: Duration = Duration::from_secs(30);
/// Time for a chunk, or a list of sets, at that rate.
pub(super) const CHUNK_LIMIT: Duration = Duration::from_secs(CHUNK_BYTES / LEAST_RATE);

/// The lists of a set. Whether the digest list is right turns out later: what is here fits
/// together.
#[derive(Clone, Debug)]
pub(super) struct Lists {
    pub(super) url: SourceUrl,
    pub(super) manifest: KeptBytes,
    pub(super) manifest_hash: ManifestHash,
    pub(super) payload: u64,
    pub(super) list: KeptBytes,
    /// What the list says that it is.
    pub(super) content: ContentHash,
    /// The content was demanded, or came over a connection that proves its source.
    pub(super) is_proved: bool,
}

/// What is wrong with a source's lists.
enum Wrong {
    Http(HttpError),
    /// They are of something else.
    Unexpected(ContentHash),
    /// There are several, and none is named.
    Several(Vec<ContentHash>),
}

impl From<HttpError> for Wrong {
    fn from(error: HttpError) -> Self {
        Self::Http(error)
    }
}

impl Lists {
    /// Asks each source in turn. Those that have none are left in their places: they may have
    /// chunks.
    pub(super) async fn get(
        sources: &mut [Source],
        options: &FillOptions,
        watch: &mut dyn FnMut(FillEvent),
    ) -> Result<Self, FillError> {
        let (mut failed, mut other) = (Vec::new(), None);
        for source in sources.iter() {
            let url = source.named.clone();
            match Self::of(source, options).await {
                Ok(lists) => return Ok(lists),
                Err(Wrong::Http(error)) => failed.push((url, error)),
                Err(Wrong::Unexpected(found)) => {
                    let error = HttpError::Content("it has other content than what is wanted");
                    watch(FillEvent::SourceFailed { url, error, is_over: false });
                    other = Some(FillError::Unexpected { found });
                }
                Err(Wrong::Several(contents)) => {
                    other = Some(FillError::Several { url, contents });
                }
            }
        }
        Err(other.unwrap_or(FillError::NoSource(failed)))
    }

    async fn of(source: &Source, options: &FillOptions) -> Result<Self, Wrong> {
        let expect = options.expect;
        // Long lists go to the disk where the files will be.
        let mut client = Fetcher { client: Client::default(), directory: &options.directory };
        let (manifest, list) = match source.sidecar() {
            Some(url) => beside(&mut client, &url).await?,
            None => of_service(&mut client, source, expect).await?,
        };
        let parsed = Manifest::parse(&manifest);
        let parsed = parsed.map_err(|_| HttpError::Content("its list of files is damaged"))?;
        let (manifest_hash, payload) = (parsed.hash(), parsed.payload_size());
        let last = list.last_chunk::<HASH_BYTES>();
        let content = last.copied().map(ContentHash);
        let content = content.ok_or(HttpError::Content("its list of hashes is damaged"))?;
        // What the URL names is wanted as well.
        if expect.or(source.content()).is_some_and(|wanted| wanted != content) {
            return Err(Wrong::Unexpected(content));
        }
        let url = source.named.clone();
        let is_proved = expect.is_some() || url.is_secure();
        Ok(Self { url, manifest, manifest_hash, payload, list, content, is_proved })
    }
}

/// The lists in the file beside a file on a web server.
async fn beside(
    fetcher: &mut Fetcher<'_>,
    url: &SourceUrl,
) -> Result<(KeptBytes, KeptBytes), HttpError> {
    let limit = 2 * MAX_MANIFEST_BYTES + HEADER_BYTES as u64;
    let mut answer = fetcher.client.get(url, limit).await?;
    let mut start = Vec::new();
    let header = async {
        while start.len() < HEADER_BYTES {
            let bytes = answer.next().await?.ok_or(HttpError::Short)?;
            start.extend_from_slice(&bytes);
        }
        Ok(())
    };
    timeout(PATIENCE, header).await.unwrap_or(Err(HttpError::Slow))?;
    let (header, rest) = start.split_first_chunk::<HEADER_BYTES>().ok_or(HttpError::Short)?;
    let sidecar = Sidecar::parse(header);
    let sidecar = sidecar.map_err(|_| HttpError::Content("its .norm file is none"))?;
    let mut rest = rest.to_vec();
    let manifest = fetcher.keep(&mut answer, &mut rest, sidecar.manifest_len).await?;
    let list = fetcher.keep(&mut answer, &mut rest, sidecar.digests_len).await?;
    if !rest.is_empty() || answer.next().await?.is_some() {
        return Err(HttpError::Long);
    }
    Ok((manifest, list))
}

/// Fetches lists.
struct Fetcher<'a> {
    client: Client,
    /// Where those are kept that are long.
    directory: &'a Path,
}

impl Fetcher<'_> {
    /// Keeps the next bytes of an answer; `rest` is what came already.
    async fn keep(
        &self,
        answer: &mut Answer,
        rest: &mut Vec<u8>,
        len: u64,
    ) -> Result<KeptBytes, HttpError> {
        let mut keeper = Keeper::new(Some(self.directory));
        let (mut left, began) = (len, Instant::now());
        loop {
            let now = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
            keeper.append(rest.get(..now).unwrap_or_default());
            rest.drain(..now);
            left -= now as u64;
            if left == 0 {
                return Ok(keeper.finish(&[]));
            }
            let bytes = answer.next().await?.ok_or(HttpError::Short)?;
            rest.extend_from_slice(&bytes);
            let least = began.elapsed().saturating_sub(PATIENCE).as_secs() * LEAST_RATE;
            if len - left + (rest.len() as u64) < least {
                return Err(HttpError::Slow);
            }
        }
    }

    /// All of something that has this many bytes.
    async fn whole(&mut self, url: &SourceUrl, len: u64) -> Result<KeptBytes, HttpError> {
        let mut answer = self.client.get(url, len).await?;
        let mut rest = Vec::new();
        let kept = self.keep(&mut answer, &mut rest, len).await?;
        match rest.is_empty() && answer.next().await?.is_none() {
            true => Ok(kept),
            false => Err(HttpError::Long),
        }
    }
}

/// The lists that a service has of the content that is wanted, or of its only set.
async fn of_service(
    fetcher: &mut Fetcher<'_>,
    source: &Source,
    expect: Option<ContentHash>,
) -> Result<(KeptBytes, KeptBytes), Wrong> {
    let catalogue = source.of_service(Route::Sets);
    let answer = fetcher.client.get(&catalogue, MAX_CATALOGUE_BYTES as u64).await?;
    let all = timeout(CHUNK_LIMIT, answer.all()).await.unwrap_or(Err(HttpError::Slow))?;
    let sets = catalogue::parse(&all);
    let sets = sets.ok_or(HttpError::Content("it is no service of norm-send"))?;
    let set = choose(&sets, source.content().or(expect))?;
    let content = set.content().ok_or(HttpError::Status(404))?;
    let is_possible = set.manifest_bytes <= MAX_MANIFEST_BYTES
        && is_digest_list_len(set.digests_bytes)
        && set.digests_bytes == digest_list_len(set.chunks);
    if !is_possible {
        return Err(HttpError::Content("it tells of lists that cannot be").into());
    }
    let manifest = source.of_service(Route::Part(content, Part::Manifest));
    let manifest = fetcher.whole(&manifest, set.manifest_bytes).await?;
    let list = source.of_service(Route::Part(content, Part::Digests));
    let list = fetcher.whole(&list, set.digests_bytes).await?;
    Ok((manifest, list))
}

/// The set that is wanted among those that a service has.
fn choose(sets: &[ListedSet], wanted: Option<ContentHash>) -> Result<&ListedSet, Wrong> {
    if let Some(wanted) = wanted {
        let found = sets.iter().find(|set| set.content() == Some(wanted));
        let other = || match sets.first().and_then(ListedSet::content) {
            Some(other) => Wrong::Unexpected(other),
            None => Wrong::Http(HttpError::Content("it has no set at the moment")),
        };
        return found.ok_or_else(other);
    }
    match sets {
        [] => Err(HttpError::Content("it has no set at the moment").into()),
        [only] => Ok(only),
        several => Err(Wrong::Several(several.iter().filter_map(ListedSet::content).collect())),
    }
}
