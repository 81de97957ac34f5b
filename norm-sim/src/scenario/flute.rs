//! FLUTE sessions: settings of their engines and applications.

use core::time::Duration;

use bytes::Bytes;
use norm_core::fileset::{
    HASH_BYTES, ManifestHash, PartKind, SetDescriptor, SetId, SetSummary, digest_list_len,
};
use norm_core::flute::receiver::ReceiverConfig;
use norm_core::flute::sender::SenderConfig;
use norm_core::transfer::{ObjectMeta, ObjectSpec};

use super::plans::Broken;

/// A sending FLUTE engine and its application.
#[derive(Clone, Debug)]
pub struct FluteSenderPlan {
    /// Settings of the engine.
    pub config: SenderConfig,
    /// Objects to send, at most 65,536: named as by [`FluteSenderPlan::files`], or parts of a set.
    pub objects: Vec<ObjectSpec>,
    /// Time that each job takes; jobs follow one another.
    pub job_time: Duration,
    /// Coded symbols are arbitrary bytes, and receivers count symbols instead of decoding them.
    pub ids_only: bool,
    /// Record when each packet was sent.
    pub records: bool,
}

/// A receiving FLUTE engine and its application, which takes every object.
#[derive(Clone, Debug)]
pub struct FluteReceiverPlan {
    /// Settings of the engine. The application always decides itself what it accepts.
    pub config: ReceiverConfig,
    /// Time that each storing job takes; jobs follow one another.
    pub job_time: Duration,
    /// It violates an invariant to end without all objects of all senders of the scenario.
    pub must_complete: bool,
    /// A fault of the engine that the invariants must find: blocks at a wrong offset.
    pub broken: Option<Broken>,
}

impl FluteSenderPlan {
    /// Files of these sizes.
    pub fn files(config: SenderConfig, sizes: &[u64]) -> Self {
        let meta = |n: usize| ObjectMeta::file(Some(Bytes::from(format!("file-{n}"))));
        let object = |(n, &size)| ObjectSpec { size, meta: meta(n) };
        Self {
            config,
            objects: sizes.iter().enumerate().map(object).collect(),
            job_time: Duration::from_micros(200),
            ids_only: false,
            records: false,
        }
    }

    /// Parts of these sizes: a manifest, pieces of the payload, and a digest list. Their content is
    /// arbitrary. Files where there are fewer than two.
    pub fn set(config: SenderConfig, sizes: &[u64]) -> Self {
        let mut plan = Self::files(config, sizes);
        let [manifest, extents @ .., _] = sizes else { return plan };
        let payload_size = extents.iter().sum::<u64>().max(extents.len() as u64);
        let payload_size = if extents.is_empty() { 0 } else { payload_size };
        let set = SetSummary {
            set: SetId([7; 16]),
            parts: sizes.len() as u32,
            list_first: false,
            payload_size,
            manifest_size: *manifest,
            list_size: digest_list_len(u32::from(payload_size > 0)),
            manifest: ManifestHash([7; HASH_BYTES]),
            content: None,
        };
        for (index, object) in (0..).zip(&mut plan.objects) {
            let kind = set.kind_of(index).unwrap_or(PartKind::Payload);
            let offset = match kind {
                PartKind::Payload => u64::from(index.saturating_sub(set.first_extent())),
                PartKind::Manifest | PartKind::DigestList => 0,
            };
            let part = SetDescriptor { kind, offset, set };
            object.meta = ObjectMeta::SetPart { index, part };
        }
        plan
    }

    /// The object of which this is said.
    pub(crate) fn index_of(meta: &ObjectMeta) -> Option<usize> {
        match meta {
            ObjectMeta::SetPart { index, .. } => Some(*index as usize),
            ObjectMeta::File { name: Some(name), .. } => {
                core::str::from_utf8(name).ok()?.strip_prefix("file-")?.parse().ok()
            }
            _ => None,
        }
    }
}

impl Default for FluteReceiverPlan {
    fn default() -> Self {
        let (config, job_time) = (ReceiverConfig::new(), Duration::ZERO);
        Self { config, job_time, must_complete: true, broken: None }
    }
}
