//! `cargo xtask bench`: runs the measurements that `tests/` declares.
//!
//! A bench is a `[[bin]]` or `[[bench]]` of the package `folkops-tests` whose name begins with
//! `bench-`; declaring it there is all that is needed. It prints its own numbers, each beside its
//! peer or probe from the same run. Nothing is compared with a stored number of another machine.

use std::process::Command;

use serde_json::Value;

use crate::places;
use crate::program::{self, cargo, cargo_in};
use crate::stages::{Stages, say};
use crate::tools::{self, Reach, npm};
use crate::trouble::{Outcome, Trouble};

const PACKAGE: &str = "folkops-tests";
const PREFIX: &str = "bench-";

/// One measurement, by how cargo starts it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Bench {
    Bin(String),
    Bench(String),
}

/// Runs the named benches, or all; `--list` only names them.
pub fn run(arguments: &[String]) -> Outcome {
    let known = declared()?;
    if arguments.first().is_some_and(|word| word == "--list") {
        known.iter().for_each(|bench| say(bench.short_name()));
        return Ok(());
    }
    let chosen = choose(&known, arguments)?;
    let mut found = tools::provide(tools::FOR_BENCHES, Reach::System)?;
    for packages in [npm::FOR_TESTS, npm::FOR_BENCHES] {
        found.extend(npm::provide(packages, Reach::System)?);
    }
    let target = places::test_target()?;

    program::run(&mut cargo_in(&target, ["build", "--release", "--workspace", "--bin", "folkops"]))?;
    let mut stages = Stages::default();
    for bench in chosen {
        let mut command = bench.command(&target);
        command.envs(&found).env("FOLKOPS_BIN", target.join("release/folkops"));
        stages.run(bench.short_name(), || program::run(&mut command));
    }
    stages.end()
}

fn declared() -> Outcome<Vec<Bench>> {
    let printed = program::output(&mut cargo(["metadata", "--no-deps", "--format-version", "1"]))?;
    let metadata =
        serde_json::from_slice(&printed).map_err(Trouble::during("cannot read cargo's metadata"))?;
    Ok(in_metadata(&metadata))
}

fn in_metadata(metadata: &Value) -> Vec<Bench> {
    let lists =
        |value: &Value, key: &str| value.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let package =
        lists(metadata, "packages").into_iter().find(|package| package.get("name") == Some(&PACKAGE.into()));
    package
        .iter()
        .flat_map(|package| lists(package, "targets"))
        .filter_map(|target| of_target(&target))
        .collect()
}

fn of_target(target: &Value) -> Option<Bench> {
    let name = target.get("name")?.as_str().filter(|name| name.starts_with(PREFIX))?.to_owned();
    match target.get("kind")?.get(0)?.as_str()? {
        "bin" => Some(Bench::Bin(name)),
        "bench" => Some(Bench::Bench(name)),
        _ => None,
    }
}

fn choose(known: &[Bench], names: &[String]) -> Outcome<Vec<Bench>> {
    if known.is_empty() {
        return Err(Trouble::new(format!(
            "no bench is declared: give `{PACKAGE}` a [[bin]] named `{PREFIX}…`"
        )));
    }
    if names.is_empty() {
        return Ok(known.to_vec());
    }
    let list = known.iter().map(Bench::short_name).collect::<Vec<_>>().join(", ");
    let find =
        |name: &String| known.iter().find(|bench| bench.short_name() == name.trim_start_matches(PREFIX));
    let missing = |name| Trouble::new(format!("there is no bench `{name}`; known: {list}"));
    names.iter().map(|name| find(name).cloned().ok_or_else(|| missing(name))).collect()
}

impl Bench {
    fn short_name(&self) -> &str {
        let (Self::Bin(name) | Self::Bench(name)) = self;
        name.trim_start_matches(PREFIX)
    }

    fn command(&self, target: &std::path::Path) -> Command {
        match self {
            Self::Bin(name) => cargo_in(target, ["run", "--release", "--package", PACKAGE, "--bin", name]),
            Self::Bench(name) => cargo_in(target, ["bench", "--package", PACKAGE, "--bench", name]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn sample() -> Vec<Bench> {
        in_metadata(&json!({"packages": [
            {"name": "folkops", "targets": [{"name": "bench-elsewhere", "kind": ["bin"]}]},
            {"name": "folkops-tests", "targets": [
                {"name": "bench-router", "kind": ["bin"]},
                {"name": "bench-journal", "kind": ["bench"]},
                {"name": "stories", "kind": ["test"]},
            ]},
        ]}))
    }

    #[test]
    fn only_the_tests_package_declares_benches_and_only_by_name() {
        assert_eq!(sample(), [Bench::Bin("bench-router".into()), Bench::Bench("bench-journal".into())]);
    }

    #[test]
    fn a_bench_is_chosen_with_or_without_its_prefix_and_an_unknown_one_is_named() {
        let names = ["journal".to_owned(), "bench-router".to_owned()];
        let chosen = choose(&sample(), &names).unwrap();
        assert_eq!(chosen, [Bench::Bench("bench-journal".into()), Bench::Bin("bench-router".into())]);
        let said = choose(&sample(), &["site".to_owned()]).unwrap_err().to_string();
        assert_eq!(said, "there is no bench `site`; known: router, journal");
        assert!(choose(&[], &[]).unwrap_err().to_string().starts_with("no bench is declared"));
    }
}
