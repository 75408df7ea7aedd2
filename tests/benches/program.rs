//! The program under measurement: the release build, as it ships.

use std::env;
use std::path::PathBuf;

/// The file that `FOLKOPS_BIN` names, or the one that was built beside this bench.
///
/// # Panics
/// If there is none.
pub fn path() -> PathBuf {
    let beside = || Some(env::current_exe().ok()?.with_file_name("folkops"));
    let path = env::var_os("FOLKOPS_BIN").map(PathBuf::from).or_else(beside).unwrap_or_default();
    assert!(path.is_file(), "`{}` is missing; `cargo xtask bench` builds it", path.display());
    path
}
