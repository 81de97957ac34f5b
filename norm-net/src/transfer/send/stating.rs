//! What a sender states of its set in a sealed session: first what it is, and, when all is hashed,
//! what its digest list ends with.

use norm_core::fileset::{ManifestHash, SetId};
use norm_files::source::{ListHash, Reader};
use norm_seal::StatedSet;

use super::options::SendOptions;

/// What is stated of a set, and whether that was said.
#[derive(Debug)]
pub(super) struct Stating {
    set: StatedSet,
    list: ListHash,
    is_news: bool,
}

impl Stating {
    /// Of a set with this name and manifest, whose content `source` reads; none where nothing is
    /// sealed.
    pub(super) fn of(
        set: Option<SetId>,
        stated: (String, ManifestHash),
        source: &Reader,
        options: &SendOptions,
    ) -> Option<Self> {
        let set = set.filter(|_| options.seal.is_some())?;
        let (name, manifest) = stated;
        let set = StatedSet { set, manifest, list: None, name, life: options.content.expires };
        Some(Self { set, list: source.list_hash(), is_news: true })
    }

    /// What is to be stated, if it was not before.
    pub(super) fn news(&mut self) -> Option<StatedSet> {
        if self.set.list.is_none() && self.list.get().is_some() {
            self.set.list = self.list.get();
            self.is_news = true;
        }
        std::mem::take(&mut self.is_news).then(|| self.set.clone())
    }
}
