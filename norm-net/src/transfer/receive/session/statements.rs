//! What senders have stated of their sets, in a sealed session: which of them are taken.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use norm_core::fileset::{ManifestHash, SetId};
use norm_files::serials::{LastSet, Serials};
use norm_seal::{HeardStatement, Statement, known_time};

use crate::event::Problem;

/// Sets of which statements are remembered; the newest ones.
const MAX: usize = 256;
/// Seconds that a serial number may be ahead of the clock: one that is far ahead would keep all
/// later sets out.
const MAX_AHEAD: u64 = 24 * 3600;

/// What was stated, and what was received before.
#[derive(Debug, Default)]
pub(super) struct Statements {
    heard: BTreeMap<SetId, HeardStatement>,
    serials: Option<Serials>,
    accepts_older: bool,
}

impl Statements {
    /// None yet. `serials` are those of sets that were received before, which older ones with
    /// other content do not replace unless the user accepts that.
    pub(super) fn new(serials: Option<Serials>, accepts_older: bool) -> Self {
        Self { heard: BTreeMap::new(), serials, accepts_older }
    }

    /// Takes what a sender has stated; false if more is known of the set.
    pub(super) fn note(&mut self, heard: &HeardStatement) -> bool {
        let set = heard.statement.set;
        let news = match self.heard.get(&set) {
            Some(known) if known.statement == heard.statement => heard.is_live && !known.is_live,
            Some(known) => rank(&known.statement) < rank(&heard.statement),
            None => true,
        };
        if news {
            self.heard.insert(set, heard.clone());
            self.forget_oldest();
        }
        news
    }

    fn forget_oldest(&mut self) {
        if self.heard.len() > MAX {
            let oldest = self.heard.iter().min_by_key(|(_, heard)| rank(&heard.statement));
            let oldest = oldest.map(|(set, _)| *set);
            oldest.map(|set| self.heard.remove(&set));
        }
    }

    /// What was stated of a set with this manifest.
    pub(super) fn of(&self, set: SetId, manifest: ManifestHash) -> Option<&HeardStatement> {
        self.heard.get(&set).filter(|heard| heard.statement.manifest == manifest)
    }

    /// Why a set is not taken of which this was stated, if it is not.
    pub(super) fn refusal(&self, heard: &HeardStatement) -> Option<Problem> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let HeardStatement { statement, .. } = heard;
        if let Some(now) = known_time(now) {
            if statement.expires <= now {
                return Some(Problem::SetExpired);
            }
            if statement.serial > now + MAX_AHEAD {
                return Some(Problem::SetAhead);
            }
        }
        let is_older = self.last(heard).is_some_and(|last| is_older(statement, &last));
        (is_older && !self.accepts_older)
            .then(|| Problem::SetOlder { name: statement.name.clone() })
    }

    fn last(&self, heard: &HeardStatement) -> Option<LastSet> {
        let (serials, signer) = (self.serials.as_ref()?, heard.signer?);
        serials.last(&signer.0, &heard.statement.name)
    }

    /// A set is complete: none that is older is taken from now on.
    pub(super) fn completed(&self, set: SetId, manifest: ManifestHash) {
        let heard = self.of(set, manifest);
        if let Some((heard, serials)) = heard.zip(self.serials.as_ref())
            && let Some(signer) = heard.signer
        {
            // What cannot be kept is not known the next time.
            let HeardStatement { statement, .. } = heard;
            let Statement { serial, manifest, list, .. } = statement;
            let list = list.unwrap_or_default();
            let last = LastSet { serial: *serial, manifest: manifest.0, list };
            let _ = serials.note(&signer.0, &statement.name, &last);
        }
    }
}

/// True of a set that would bring back what was there before the last one. Another session may
/// repeat the same content, and have begun earlier: a set with the same files is one of these until
/// its closing statement tells that its content is other.
fn is_older(statement: &Statement, last: &LastSet) -> bool {
    let is_same = statement.manifest.0 == last.manifest
        && statement.list.is_none_or(|list| list == last.list);
    statement.serial < last.serial && !is_same
}

/// Statements of one set replace each other in this order.
fn rank(statement: &Statement) -> (u64, bool, u64) {
    (statement.serial, statement.list.is_some(), statement.created)
}

#[cfg(test)]
mod tests {
    use norm_files::state::StateFolders;
    use norm_seal::Verifier;

    use super::*;

    fn now() -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
    }

    fn heard() -> HeardStatement {
        let statement = Statement {
            set: SetId([1; 16]),
            manifest: ManifestHash([2; 32]),
            list: Some([3; 32]),
            serial: now(),
            created: now(),
            expires: now() + 100,
            name: "image".to_owned(),
        };
        HeardStatement { statement, signer: Some(Verifier([4; 32])), is_live: true }
    }

    /// The same with a change.
    fn with(change: impl FnOnce(&mut Statement)) -> HeardStatement {
        let mut changed = heard();
        change(&mut changed.statement);
        changed
    }

    #[test]
    fn expired_and_future_sets_are_refused() {
        let statements = Statements::default();
        assert_eq!(statements.refusal(&heard()), None);
        let expired = with(|said| said.expires = now());
        assert_eq!(statements.refusal(&expired), Some(Problem::SetExpired));
        let ahead = with(|said| said.serial = now() + MAX_AHEAD + 60);
        assert_eq!(statements.refusal(&ahead), Some(Problem::SetAhead));
        assert_eq!(statements.refusal(&with(|said| said.serial = now() + MAX_AHEAD - 60)), None);
    }

    #[test]
    fn older_set_of_the_same_name_and_signer_is_refused_unless_it_is_accepted() {
        let dir = tempfile::tempdir().unwrap();
        let serials = || Serials::new(&StateFolders::within(dir.path()));
        let mut statements = Statements::new(serials(), false);
        assert!(statements.note(&heard()));
        let HeardStatement { statement, .. } = heard();
        statements.completed(statement.set, statement.manifest);
        let older = with(|said| {
            (said.set, said.serial) = (SetId([9; 16]), said.serial - 60);
            said.list = Some([8; 32]);
        });
        let refused = Some(Problem::SetOlder { name: "image".to_owned() });
        assert_eq!(statements.refusal(&older), refused);
        assert_eq!(statements.refusal(&heard()), None, "the same again");
        let other_files = with(|said| {
            (said.manifest, said.serial, said.list) = (ManifestHash([9; 32]), 1, None);
        });
        assert_eq!(statements.refusal(&other_files), refused);
        for list in [None, Some([3; 32])] {
            let same = with(|said| {
                (said.set, said.serial) = (SetId([9; 16]), said.serial - 60);
                said.list = list;
            });
            assert_eq!(statements.refusal(&same), None, "another session with the same content");
        }
        let other_name = with(|said| (said.name, said.serial) = ("other".into(), 1));
        assert_eq!(statements.refusal(&other_name), None);
        let other_signer = HeardStatement { signer: Some(Verifier([5; 32])), ..older.clone() };
        assert_eq!(statements.refusal(&other_signer), None);
        assert_eq!(Statements::new(serials(), true).refusal(&older), None);
        assert_eq!(Statements::new(None, false).refusal(&older), None, "nothing is known");
    }

    #[test]
    fn newest_statement_counts_and_a_live_one_more_than_a_recorded_one() {
        let mut statements = Statements::default();
        let recorded = HeardStatement { is_live: false, ..with(|said| said.list = None) };
        assert!(statements.note(&recorded) && !statements.note(&recorded));
        let live = HeardStatement { is_live: true, ..recorded.clone() };
        assert!(statements.note(&live) && !statements.note(&recorded));
        assert!(statements.note(&heard()), "it is closed");
        assert!(!statements.note(&live));
        let HeardStatement { statement, .. } = heard();
        assert_eq!(statements.of(statement.set, statement.manifest), Some(&heard()));
        assert_eq!(statements.of(statement.set, ManifestHash([9; 32])), None);
        for number in 0..2 * MAX as u32 {
            let mut set = [7; 16];
            set[..4].copy_from_slice(&number.to_be_bytes());
            statements.note(&with(|said| (said.set, said.serial) = (SetId(set), 1)));
        }
        assert_eq!(statements.heard.len(), MAX);
        assert!(statements.of(statement.set, statement.manifest).is_some(), "it is the newest");
    }
}
