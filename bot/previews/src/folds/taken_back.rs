//! What was taken back from everybody and is still on the default branch, and what takes it out of there.
//!
//! INVARIANT: what takes a change back is not needed any more only from the record on by which the change may stay.

use folkops_model::{ChangeRef, OperationId, Release, ReleaseNumber, Sha};
use folkops_record::Record;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::releases::{Became, Releases};

/// A change that was taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenBack {
    /// The release that everybody went back to.
    pub release: ReleaseNumber,
    /// The operation that did.
    pub operation: Option<OperationId>,
    /// When, UTC.
    pub at: Timestamp,
    /// The record by which.
    pub since: u64,
}

/// A change that takes back what may stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moot {
    /// What it takes back.
    pub change: ChangeRef,
    /// The commit at which it was opened.
    pub commit: Sha,
    /// The operation by which that may stay.
    pub operation: Option<OperationId>,
    /// When, UTC.
    pub at: Timestamp,
    /// The record by which.
    pub since: u64,
}

impl Releases {
    /// Everybody went back to a release, and these are not in it.
    pub(super) fn take_back(&mut self, record: &Record, release: ReleaseNumber, changes: &[ChangeRef]) {
        for change in changes {
            let (at, since) = (record.time, record.sequence);
            let row = TakenBack { release, operation: record.operation.clone(), at, since };
            self.taken_back.put(since, change.clone(), row);
            self.hold(since, change);
            self.became(record, change.clone(), (Became::TakenBack, release));
        }
    }

    /// What was taken back may stay, if it was; what takes it back is not needed any more.
    pub(super) fn free(&mut self, record: &Record, change: &ChangeRef) -> bool {
        let (at, since) = (record.time, record.sequence);
        if self.taken_back.remove(since, change).is_none() {
            return false;
        }
        let reverts = self.reverts.iter().filter(|(_, (original, _))| original == change);
        let reverts: Vec<_> = reverts.map(|(revert, (_, commit))| (revert.clone(), commit.clone())).collect();
        for (revert, commit) in reverts {
            let (change, operation) = (change.clone(), record.operation.clone());
            self.moot.put(since, revert, Moot { change, commit, operation, at, since });
        }
        true
    }

    /// What was taken back may go out again, and promotions are open.
    pub(super) fn pardon(&mut self, record: &Record, changes: &[ChangeRef]) {
        for change in changes {
            self.free(record, change);
        }
        self.bad.remove(record.sequence, &"now".to_owned());
    }

    /// A release is made after its changes were merged: what a revert among them took out is not on the default branch
    /// any more, whatever becomes of the release.
    pub(super) fn make(&mut self, at: u64, release: &Release) {
        for (change, merged) in &release.changes {
            self.moot.remove(at, change);
            match self.reverts.remove(at, change) {
                Some((original, commit)) if commit == *merged => drop(self.taken_back.remove(at, &original)),
                _ => {}
            }
        }
        self.releases.put(at, release.number, release.clone());
    }

    /// What takes a change back is needed again.
    fn hold(&mut self, at: u64, change: &ChangeRef) {
        let moot = self.moot.iter().filter(|(_, moot)| moot.change == *change);
        let moot: Vec<ChangeRef> = moot.map(|(revert, _)| revert.clone()).collect();
        moot.iter().for_each(|revert| drop(self.moot.remove(at, revert)));
    }
}
