//! The files of one tree, proved to be all of that tree and nothing else.
//!
//! The list comes from git; the proof is that the tree ids, computed again from the list, end in the id that was
//! asked for. It fails for lying caches, replaced objects and trees that git itself would never write.

use std::collections::BTreeSet;

use folkops_model::TreeId;
use sha1::{Digest as _, Sha1};

use crate::materialise::{Limits, MaterialiseError, refused};
use crate::path;

/// What an entry of a tree is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    File,
    Executable,
    Link,
}

/// A file or link of a tree.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) mode: Mode,
    pub(crate) id: [u8; 20],
    /// Bytes, as the list says; the blob must agree.
    pub(crate) size: u64,
    pub(crate) path: Vec<u8>,
}

impl Mode {
    /// As git writes it into a tree.
    fn octal(self) -> &'static str {
        match self {
            Self::File => "100644",
            Self::Executable => "100755",
            Self::Link => "120000",
        }
    }
}

/// Parses `ls-tree -r -l -z` and checks every path and limit, before anything is written.
pub(crate) fn parse(list: &[u8], limits: Limits) -> Result<Vec<Entry>, MaterialiseError> {
    let lines = list.split(|byte| *byte == 0).filter(|line| !line.is_empty());
    let mut entries: Vec<Entry> = Vec::new();
    let mut bytes = 0u64;
    for line in lines {
        let entry = entry(line)?;
        bytes = bytes.saturating_add(entry.size);
        if entries.len() >= limits.files || bytes > limits.bytes {
            return Err(MaterialiseError::TooLarge(limits));
        }
        if entries.last().is_some_and(|previous| previous.path >= entry.path) {
            return Err(refused(&entry.path, "the tree lists it twice or out of order"));
        }
        entries.push(entry);
    }
    unambiguous(&entries)?;
    Ok(entries)
}

/// INVARIANT: no path is both a file and a folder, so that no file is ever written through a link.
fn unambiguous(entries: &[Entry]) -> Result<(), MaterialiseError> {
    let files: BTreeSet<&[u8]> = entries.iter().map(|entry| entry.path.as_slice()).collect();
    let clash = entries.iter().find(|entry| folders(&entry.path).any(|folder| files.contains(folder)));
    clash.map_or(Ok(()), |entry| Err(refused(&entry.path, "the tree has a file and a folder of one name")))
}

/// Every folder above a path, the nearest last.
pub(crate) fn folders(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/');
    slashes.filter_map(|(at, _)| path.get(..at))
}

/// `mode SP type SP id SP+ size TAB path`.
fn entry(line: &[u8]) -> Result<Entry, MaterialiseError> {
    let tab = line.iter().position(|byte| *byte == b'\t').unwrap_or(line.len());
    let (head, path) = line.split_at(tab);
    let path = path.get(1..).unwrap_or_default().to_vec();
    let head = String::from_utf8_lossy(head);
    let mut columns = head.split_whitespace();
    let mode = mode(columns.next().unwrap_or_default()).map_err(|why| refused(&path, why))?;
    if let Some(why) = path::objection(&path) {
        return Err(refused(&path, why));
    }
    let id = columns.nth(1).and_then(from_hex);
    let size = columns.next().and_then(|size| size.parse().ok());
    match (id, size) {
        (Some(id), Some(size)) => Ok(Entry { mode, id, size, path }),
        _ => Err(refused(&path, "the repository does not hold it")),
    }
}

fn mode(octal: &str) -> Result<Mode, &'static str> {
    match octal {
        "100644" => Ok(Mode::File),
        "100755" => Ok(Mode::Executable),
        "120000" => Ok(Mode::Link),
        "160000" => Err("it is a submodule, and other repositories are not fetched"),
        _ => Err("it is neither a file nor a link"),
    }
}

/// Whether these entries are exactly that tree.
pub(crate) fn proves(entries: &[Entry], tree: &TreeId) -> bool {
    from_hex(tree.as_str()) == Some(tree_hash(entries, 0))
}

/// The id of the tree made of these entries, which share their first `depth` bytes of path.
fn tree_hash(entries: &[Entry], depth: usize) -> [u8; 20] {
    let mut body = Vec::new();
    let mut rest = entries;
    while let Some(first) = rest.first() {
        let name = first.path.get(depth..).unwrap_or_default();
        let (id, octal, name, used) = match name.iter().position(|byte| *byte == b'/') {
            None => (first.id, first.mode.octal(), name, 1),
            Some(end) => {
                let within = depth + end + 1;
                let same = |entry: &&Entry| entry.path.get(depth..within) == first.path.get(depth..within);
                let used = rest.iter().take_while(same).count();
                let folder = rest.get(..used).unwrap_or_default();
                (tree_hash(folder, within), "40000", name.get(..end).unwrap_or_default(), used)
            }
        };
        body.extend_from_slice(octal.as_bytes());
        body.push(b' ');
        body.extend_from_slice(name);
        body.push(0);
        body.extend_from_slice(&id);
        rest = rest.get(used..).unwrap_or_default();
    }
    let mut hash = object_hash("tree", body.len() as u64);
    hash.update(&body);
    hash.finalize().into()
}

/// A hash that has taken in git's header for an object of that kind and length.
pub(crate) fn object_hash(kind: &str, length: u64) -> Sha1 {
    Sha1::new_with_prefix(format!("{kind} {length}\0"))
}

pub(crate) fn to_hex(id: &[u8; 20]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<[u8; 20]> {
    let digits: Vec<u8> =
        text.chars().map(|c| c.to_digit(16)).map(|d| d?.try_into().ok()).collect::<Option<_>>()?;
    let (pairs, []) = digits.as_chunks::<2>() else { return None };
    let bytes: Vec<u8> = pairs.iter().map(|[high, low]| high << 4 | low).collect();
    bytes.try_into().ok()
}
