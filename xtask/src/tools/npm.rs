//! Packages from npm's registry, for tests and benches: descriptions and examples that GitHub publishes, and peers.
//!
//! Each is fetched once, by its exact version, into the cache, and takes its name there only when it is whole. It must
//! never run a package's own install scripts.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Found, Reach, Tool, provide as provide_tools};
use crate::places;
use crate::program;
use crate::stages::say;
use crate::trouble::{Outcome, Trouble};

/// A package, and what of it is handed on.
#[derive(Clone, Copy, Debug)]
pub struct Package {
    name: &'static str,
    version: &'static str,
    /// A file or folder in it.
    part: &'static str,
    /// The variable through which tests learn where that is.
    variable: &'static str,
}

/// GitHub's description of its API, and examples of its webhooks.
pub const FOR_TESTS: &[Package] = &[
    Package {
        name: "@octokit/openapi",
        version: "23.0.2",
        part: "generated/api.github.com.json",
        variable: "FOLKOPS_GITHUB_OPENAPI",
    },
    Package {
        name: "@octokit/webhooks-examples",
        version: "7.6.1",
        part: "api.github.com/index.json",
        variable: "FOLKOPS_WEBHOOK_EXAMPLES",
    },
];

/// A peer: probot, with which most Apps on GitHub are made.
pub const FOR_BENCHES: &[Package] =
    &[Package { name: "probot", version: "14.3.2", part: "lib/index.js", variable: "FOLKOPS_PROBOT" }];

/// What packages run on.
pub const NODE: Tool =
    Tool { program: "node", package: "nodejs", unpacked: "usr/bin/node", variable: "FOLKOPS_NODE" };
const NPM: Tool = Tool { program: "npm", package: "npm", unpacked: "usr/bin/npm", variable: "FOLKOPS_NPM" };

/// Finds every package in the cache, and fetches what is missing.
pub fn provide(packages: &[Package], reach: Reach) -> Outcome<Found> {
    let cache = places::cache()?.join("npm");
    let missing: Vec<&Package> =
        packages.iter().filter(|package| !package.part_in(&cache).exists()).collect();
    if !missing.is_empty() {
        let found = provide_tools(&[NODE, NPM], reach)?;
        for package in missing {
            package.fetch(&cache, &found)?;
        }
    }
    Ok(packages.iter().map(|package| (package.variable, package.part_in(&cache))).collect())
}

impl Package {
    fn home_in(&self, cache: &Path) -> PathBuf {
        cache.join(format!("{}-{}", self.name.trim_start_matches('@').replace('/', "-"), self.version))
    }

    fn part_in(&self, cache: &Path) -> PathBuf {
        self.home_in(cache).join("node_modules").join(self.name).join(self.part)
    }

    fn fetch(&self, cache: &Path, found: &Found) -> Outcome {
        let wanted = format!("{}@{}", self.name, self.version);
        say(&format!("fetching {wanted}"));
        let (home, unfinished) = (self.home_in(cache), cache.join("unfinished"));
        for left in [&home, &unfinished].into_iter().filter(|left| left.exists()) {
            fs::remove_dir_all(left).map_err(Trouble::during(left.display()))?;
        }
        fs::create_dir_all(&unfinished).map_err(Trouble::during(unfinished.display()))?;
        program::run(npm(found)?.arg("--prefix").arg(&unfinished).arg(&wanted))?;
        fs::rename(&unfinished, &home).map_err(Trouble::during(home.display()))?;
        let part = self.part_in(cache);
        part.exists().then_some(()).ok_or_else(|| Trouble::new(format!("`{wanted}` has no `{}`", self.part)))
    }
}

/// npm as node runs it: where Debian's package was unpacked into the cache, it finds its modules there.
fn npm(found: &Found) -> Outcome<Command> {
    let of = |tool: Tool| {
        let path = found.get(tool.variable);
        path.ok_or_else(|| Trouble::new(format!("`{}` was not found", tool.program)))
    };
    let mut command = Command::new(of(NODE)?);
    command.env("NODE_PATH", places::cache()?.join("tools/usr/share/nodejs"));
    command.arg(of(NPM)?).args([
        "install",
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
        "--loglevel=error",
    ]);
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_has_a_folder_of_its_own_for_every_version() {
        let [openapi, _] = FOR_TESTS else { panic!("two packages") };
        assert_eq!(openapi.home_in(Path::new("/c")), Path::new("/c/octokit-openapi-23.0.2"));
        assert_eq!(
            openapi.part_in(Path::new("/c")),
            Path::new(
                "/c/octokit-openapi-23.0.2/node_modules/@octokit/openapi/generated/api.github.com.json"
            )
        );
    }
}
