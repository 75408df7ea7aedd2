//! Where things are: the repository, the cache, the target folders.
//!
//! Every path that the workbench uses is made here, so that `rm -r` of one cache folder undoes all
//! that it ever did outside the repository. It must never name a place by the current directory.

use std::env;
use std::path::{Path, PathBuf};

use crate::trouble::{Outcome, Trouble};

/// The root of the repository: the folder above this crate's.
pub fn root() -> PathBuf {
    // Cargo sets the variable for `cargo run` and `cargo test`; a copied tree thus finds itself.
    let here =
        env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    here.parent().map_or_else(|| here.clone(), Path::to_path_buf)
}

/// `$XDG_CACHE_HOME/folkops`, else `~/.cache/folkops`.
pub fn cache() -> Outcome<PathBuf> {
    let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_CACHE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".cache")))
        .map(|base| base.join("folkops"))
        .ok_or_else(|| Trouble::new("no place for a cache: set `HOME` or `XDG_CACHE_HOME` to a full path"))
}

/// Where tests, checks and benches are built: shared by all clones of one person.
pub fn test_target() -> Outcome<PathBuf> {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| Ok(cache()?.join("target")), |path| Ok(root().join(path)))
}

/// Where the demo is built. INVARIANT: never the folder of the tests, so neither waits for the other.
pub fn demo_target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| root().join("target/demo"), |path| root().join(path).join("demo"))
}
