//! Gives up, in this order: open files, being root, room to grow, new privileges, writing elsewhere, dangerous system calls.

use std::fs;
use std::io;
use std::path::PathBuf;

use landlock::{ABI, Access, AccessFs, Ruleset, RulesetAttr, RulesetCreatedAttr, path_beneath_rules};
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use rustix::thread::{set_no_new_privs, set_thread_groups, set_thread_res_gid, set_thread_res_uid};

use crate::plan::{Guard, Identity, Plan};
use crate::spec::Limits;

use super::filter;

/// Applies the whole plan to this process, which must still have one thread, and to all that it starts.
pub fn give_up(plan: &Plan) -> io::Result<()> {
    // Whoever started us may have left files open; bubblewrap passes them on, and leaves its own open too.
    close_fds::set_fds_cloexec(3, &[]);
    if let Guard::Walled { .. } = plan.guard {
        // When memory runs out the kernel shall take this before anything of the machine's own.
        fs::write("/proc/self/oom_score_adj", "1000").map_err(named("the out-of-memory score"))?;
    }
    become_other(plan.identity).map_err(named("the user"))?;
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    set_no_new_privs(true)?;
    bound(&plan.limits, &plan.guard).map_err(named("the limits"))?;
    if let Guard::Walled { write } = &plan.guard {
        write_only_below(write).map_err(io::Error::other).map_err(named("Landlock"))?;
        filter::install().map_err(io::Error::other).map_err(named("the system-call filter"))?;
        // The program runs as the same user; without this it could write into our memory.
        set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    }
    Ok(())
}

fn named(what: &'static str) -> impl Fn(io::Error) -> io::Error {
    move |error| io::Error::new(error.kind(), format!("{what} cannot be set: {error}"))
}

fn become_other(identity: Option<Identity>) -> io::Result<()> {
    let Some(Identity { uid, gid }) = identity else { return Ok(()) };
    let (uid, gid) = (rustix::fs::Uid::from_raw(uid), rustix::fs::Gid::from_raw(gid));
    set_thread_groups(&[])?;
    set_thread_res_gid(gid, gid, gid)?;
    Ok(set_thread_res_uid(uid, uid, uid)?)
}

fn bound(limits: &Limits, guard: &Guard) -> io::Result<()> {
    let mut bounds = vec![
        (Resource::Core, Some(0)),
        (Resource::Nofile, Some(limits.open_files)),
        (Resource::Fsize, Some(limits.file)),
        (Resource::Data, Some(limits.memory)),
        (Resource::Cpu, limits.cpu_seconds),
    ];
    // Outside a user namespace of its own this would count all processes of the user that runs the bot.
    if let Guard::Walled { .. } = guard {
        bounds.push((Resource::Nproc, Some(limits.processes)));
    }
    for (resource, most) in bounds {
        if most.is_some() {
            setrlimit(resource, Rlimit { current: most, maximum: most })?;
        }
    }
    Ok(())
}

/// The second lock behind the read-only mounts; a kernel without Landlock leaves it out.
fn write_only_below(folders: &[PathBuf]) -> Result<(), landlock::RulesetError> {
    let abi = ABI::V5;
    Ruleset::default()
        .handle_access(AccessFs::from_all(abi))?
        .create()?
        .add_rules(path_beneath_rules(["/"], AccessFs::from_read(abi)))?
        .add_rules(path_beneath_rules(folders, AccessFs::from_all(abi)))?
        .add_rules(path_beneath_rules(["/dev"], AccessFs::from_file(abi)))?
        .restrict_self()
        .map(drop)
}
