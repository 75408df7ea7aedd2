//! Which paths of a stranger's tree may be written to disk.
//!
//! Git refuses most of these when it checks out, but not when it stores, and we write files ourselves. The rules hold
//! for every file system, so that a tree accepted here is harmless on another machine too.

/// Linux's `NAME_MAX`, in bytes.
const LONGEST_NAME: usize = 255;
/// Leaves room for the folder above within Linux's `PATH_MAX` of 4096, in bytes.
const LONGEST_PATH: usize = 1024;

/// Why a path is refused; `None` for a good one.
pub(crate) fn objection(path: &[u8]) -> Option<&'static str> {
    if path.len() > LONGEST_PATH {
        return Some("the path is too long");
    }
    path.split(|byte| *byte == b'/').find_map(name_objection)
}

fn name_objection(name: &[u8]) -> Option<&'static str> {
    match name {
        b"" => Some("a part of the path is empty"),
        b"." | b".." => Some("the path leads out of the tree"),
        _ if name.contains(&0) => Some("the path holds a NUL byte"),
        _ if name.len() > LONGEST_NAME => Some("a part of the path is too long"),
        _ if is_git_folder(name) => Some("it would be taken for a git folder"),
        _ => None,
    }
}

/// `.git` in any spelling that some file system takes for it: case, code points that HFS+ ignores, trailing dots and
/// spaces, streams and short names of NTFS, back slashes as separators.
fn is_git_folder(name: &[u8]) -> bool {
    let name = String::from_utf8_lossy(name);
    name.split('\\').any(|part| {
        let seen: String = part.chars().filter(|c| !ignored_by_hfs(*c)).collect();
        let plain = seen.split(':').next().unwrap_or_default().trim_end_matches(['.', ' ']).to_lowercase();
        plain == ".git" || plain == "git~1"
    })
}

/// The list that git's own `is_hfs_dotgit` uses.
fn ignored_by_hfs(c: char) -> bool {
    matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}')
}

/// Why a symbolic link is refused; `None` for one that stays inside the tree.
///
/// INVARIANT: parent steps come first, and no more of them than the link lies deep. A step up after a name could
/// start from wherever another link leads; without such steps, resolving never leaves the tree.
pub(crate) fn link_objection(path: &[u8], target: &[u8]) -> Option<&'static str> {
    let depth = path.iter().filter(|byte| **byte == b'/').count();
    let steps = target.split(|byte| *byte == b'/').filter(|step| !step.is_empty() && *step != b".");
    let up = steps.clone().take_while(|step| *step == b"..").count();
    if target.is_empty() || target.len() > LONGEST_PATH || target.contains(&0) {
        Some("its target is not a path")
    } else if target.starts_with(b"/") {
        Some("it is a link to an absolute path")
    } else if up > depth || steps.skip(up).any(|step| step == b"..") {
        Some("it is a link that may lead out of the tree")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_leave_the_tree_or_pose_as_a_git_folder_are_refused() {
        for bad in [
            "..",
            "a/../b",
            "a/./b",
            "/etc/passwd",
            "a//b",
            "a/",
            "",
            "a\0b",
            ".git",
            ".GIT/config",
            "x/.Git/hooks/a",
            ".g\u{200c}it/config",
            ".git. . ",
            "git~1",
            ".git::$INDEX_ALLOCATION/x",
            "a\\.git\\config",
        ] {
            assert!(objection(bad.as_bytes()).is_some(), "{bad:?}");
        }
        assert!(objection("a/".repeat(2000).as_bytes()).is_some());
        assert!(objection("n".repeat(256).as_bytes()).is_some());
    }

    #[test]
    fn ordinary_paths_are_accepted() {
        for good in [
            ".gitignore",
            ".gitattributes",
            "a/b.c",
            "größe/数.md",
            "a b/$(x);`y`",
            "...",
            ".github/x",
            "-rf",
        ] {
            assert_eq!(objection(good.as_bytes()), None, "{good:?}");
        }
    }

    #[test]
    fn a_link_may_go_up_only_as_far_as_it_lies_deep() {
        assert_eq!(link_objection(b"a/b/link", b"../../c"), None);
        assert_eq!(link_objection(b"link", b"./c/d"), None);
        for (path, target) in [
            ("link", "../c"),
            ("a/link", "../../c"),
            ("link", "/etc/passwd"),
            ("link", "c/../.."),
            ("link", "c/.."),
            ("link", ""),
            ("link", "a\0b"),
            ("a/link", "./.././../c"),
        ] {
            assert!(link_objection(path.as_bytes(), target.as_bytes()).is_some(), "{path} -> {target:?}");
        }
    }
}
