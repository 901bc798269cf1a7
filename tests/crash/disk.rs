//! What a disk holds after the power failed at some step of a recorded life.
//!
//! Sure is what was synced: the bytes, length and mode of a file after its fsync, the names in the folder
//! after the folder's. Of what came later, each write may be there, be lost, or be there in part, in
//! sectors of 512 bytes; names change in order, up to some point, and a rename is never half done.

use crate::recording::Step;
use std::collections::{BTreeMap, HashMap};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const SECTOR: usize = 512;

/// What a disk does when it is told to sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syncs {
    /// Writes everything before it says so.
    Done,
    /// Says so and writes nothing, as a broken one does: for the test of the test.
    Ignored,
}

/// What happens to what was not synced.
#[derive(Debug, Clone, Copy)]
enum Fate {
    AllLost,
    AllKept,
    Random,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct File {
    pub content: Vec<u8>,
    pub mode: u32,
}

/// The files in the folder, by name, if the power fails right after the last of `steps`.
pub fn after_power_loss(steps: &[Step], syncs: Syncs, random: &mut fastrand::Rng) -> BTreeMap<String, File> {
    let is_sure = |at: usize, synced: Option<&usize>| synced.is_some_and(|synced| at < *synced);
    let fates = [Fate::AllLost, Fate::AllKept, Fate::Random, Fate::Random];
    let fate = fates[random.usize(0..fates.len())];

    // An inode's number is used again after its file is gone: each creation begins another file.
    let mut file_of_inode = HashMap::new();
    let mut files: Vec<File> = Vec::new();
    let mut changes = Vec::new();
    let (mut file_synced, mut folder_synced) = (HashMap::new(), None);
    for (at, step) in steps.iter().enumerate() {
        match step {
            Step::Create { inode, mode, .. } => {
                file_of_inode.insert(*inode, files.len());
                files.push(File { content: Vec::new(), mode: *mode });
            }
            Step::Sync { inode } if syncs == Syncs::Done => {
                file_synced.insert(file_of_inode[inode], at);
            }
            Step::SyncFolder if syncs == Syncs::Done => folder_synced = Some(at),
            Step::Write { inode, .. } | Step::Truncate { inode, .. } | Step::SetMode { inode, .. } => {
                changes.push((at, file_of_inode[inode]));
            }
            _ => {}
        }
    }
    for (at, index) in changes {
        let is_kept = is_sure(at, file_synced.get(&index))
            || match fate {
                Fate::AllLost => false,
                Fate::AllKept => true,
                Fate::Random => random.bool(),
            };
        match &steps[at] {
            Step::Write { offset, data, .. } => {
                let is_torn = !is_kept && matches!(fate, Fate::Random) && random.bool();
                write(&mut files[index].content, *offset, data, || is_kept || (is_torn && random.bool()));
            }
            Step::Truncate { length, .. } if is_kept => {
                files[index].content.resize(usize::try_from(*length).expect("a length"), 0);
            }
            Step::SetMode { mode, .. } if is_kept => files[index].mode = *mode,
            _ => {}
        }
    }
    names(steps, folder_synced, fate, random).into_iter().map(|(name, index)| (name, files[index].clone())).collect()
}

/// Writes those sectors that are kept.
fn write(content: &mut Vec<u8>, offset: u64, data: &[u8], mut is_kept: impl FnMut() -> bool) {
    let mut at = usize::try_from(offset).expect("an offset");
    let mut rest = data;
    while !rest.is_empty() {
        let (piece, left) = rest.split_at(rest.len().min(SECTOR - at % SECTOR));
        if is_kept() {
            content.resize(content.len().max(at + piece.len()), 0);
            content[at..at + piece.len()].copy_from_slice(piece);
        }
        at += piece.len();
        rest = left;
    }
}

/// Which name leads to which file, counted in order of creation.
fn names(steps: &[Step], synced: Option<usize>, fate: Fate, random: &mut fastrand::Rng) -> HashMap<String, usize> {
    let changes: Vec<_> = steps.iter().enumerate().filter(|(_, step)| step.is_of_the_folder()).collect();
    let sure = changes.iter().filter(|(at, _)| synced.is_some_and(|synced| *at < synced)).count();
    let kept = match fate {
        Fate::AllLost => sure,
        Fate::AllKept => changes.len(),
        Fate::Random => random.usize(sure..=changes.len()),
    };
    let (mut names, mut created) = (HashMap::new(), 0);
    for (_, step) in &changes[..kept] {
        match step {
            Step::Create { name, .. } => {
                names.insert(name.clone(), created);
                created += 1;
            }
            Step::Rename { from, to } => {
                let file = names.remove(from).expect("renamed what there is");
                names.insert(to.clone(), file);
            }
            Step::Unlink { name } => drop(names.remove(name)),
            _ => {}
        }
    }
    names
}

/// Makes the folder so.
pub fn lay_out(files: &BTreeMap<String, File>, folder: &Path) {
    for (name, File { content, mode }) in files {
        let path = folder.join(name);
        std::fs::write(&path, content).expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(*mode)).expect("mode set");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn create(name: &str, inode: u64) -> Step {
        Step::Create { name: name.into(), inode, mode: 0o600 }
    }

    fn all_outcomes(steps: &[Step], name: &str) -> BTreeSet<Option<Vec<u8>>> {
        let mut random = fastrand::Rng::with_seed(1);
        let outcome = |_| after_power_loss(steps, Syncs::Done, &mut random).remove(name).map(|file| file.content);
        (0..500).map(outcome).collect()
    }

    #[test]
    fn what_was_synced_stays_and_what_was_not_may_be_lost_kept_or_torn() {
        let long = |byte: u8| vec![byte; 2 * SECTOR];
        let write = |byte| Step::Write { inode: 7, offset: 0, data: long(byte) };
        let mut steps = vec![create("a", 7), write(1), Step::Sync { inode: 7 }, Step::SyncFolder];
        assert_eq!(all_outcomes(&steps, "a"), BTreeSet::from([Some(long(1))]));
        steps.push(write(2));
        let torn = |first, second| Some([vec![first; SECTOR], vec![second; SECTOR]].concat());
        assert_eq!(all_outcomes(&steps, "a"), BTreeSet::from([torn(1, 1), torn(2, 2), torn(1, 2), torn(2, 1)]));
    }

    #[test]
    fn a_file_that_is_renamed_before_its_sync_may_be_found_empty() {
        let write = Step::Write { inode: 7, offset: 0, data: b"key".into() };
        let rename = Step::Rename { from: "new".into(), to: "a".into() };
        let steps = [create("new", 7), write, rename, Step::SyncFolder];
        assert_eq!(all_outcomes(&steps, "a"), BTreeSet::from([Some(vec![]), Some(b"key".into())]));
    }

    #[test]
    fn a_name_is_sure_when_the_folder_was_synced_and_not_before() {
        let mut steps = vec![create("a", 7), Step::SyncFolder, Step::Unlink { name: "a".into() }];
        assert_eq!(all_outcomes(&steps, "a"), BTreeSet::from([None, Some(vec![])]));
        steps.push(Step::SyncFolder);
        assert_eq!(all_outcomes(&steps, "a"), BTreeSet::from([None]));
    }
}
