//! The system calls that no service and no compiler needs, and that break out of walls.
//!
//! A list of what is refused rather than of what is allowed: strangers bring any language, and the namespaces are
//! the wall; this narrows the kernel that they can reach.

use std::collections::BTreeMap;

use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, apply_filter,
};

/// Refused with EPERM.
const REFUSED: [i64; 55] = [
    // Other processes' memory and secrets.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    // Mounts and namespaces.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    // Wide doors into the kernel.
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_vmsplice,
    libc::SYS_lookup_dcookie,
    libc::SYS_fanotify_init,
    // Memory that no limit of ours counts.
    libc::SYS_memfd_create,
    libc::SYS_memfd_secret,
    libc::SYS_shmget,
    libc::SYS_msgget,
    libc::SYS_semget,
    libc::SYS_mq_open,
    // The machine itself.
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_syslog,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_nfsservctl,
];

/// Flags of `clone`. CLONE_NEWTIME is no flag of it: there the bit belongs to the exit signal.
const NAMESPACES: [i32; 7] = [
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWNS,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWCGROUP,
];

/// On x86-64 every call has a second number, with this bit set, for programs built for x32. There are none any more,
/// so all of them are refused rather than each of the above once more.
const X32: i64 = 0x4000_0000;
/// More than there are.
const X32_CALLS: i64 = 600;

/// Refuses the calls for this process and all that it starts, for good.
pub fn install() -> Result<(), seccompiler::Error> {
    let refused = REFUSED.iter().map(|call| (*call, Vec::new()));
    let clone = new_namespaces().map_err(seccompiler::Error::Backend)?;
    apply(refused.chain([(libc::SYS_clone, clone)]), libc::EPERM)?;
    // Its flags lie in memory, where a filter cannot look; told that it does not exist, libraries use `clone`.
    let second_numbers = if cfg!(target_arch = "x86_64") { X32..X32 + X32_CALLS } else { 0..0 };
    apply([libc::SYS_clone3].into_iter().chain(second_numbers).map(|call| (call, Vec::new())), libc::ENOSYS)
}

fn new_namespaces() -> Result<Vec<SeccompRule>, BackendError> {
    let asked = |flag: &i32| {
        let flag = u64::from(flag.unsigned_abs());
        let masked = SeccompCmpOp::MaskedEq(flag);
        SeccompRule::new(vec![SeccompCondition::new(0, SeccompCmpArgLen::Qword, masked, flag)?])
    };
    NAMESPACES.iter().map(asked).collect()
}

fn apply(
    calls: impl IntoIterator<Item = (i64, Vec<SeccompRule>)>,
    errno: i32,
) -> Result<(), seccompiler::Error> {
    let rules: BTreeMap<_, _> = calls.into_iter().collect();
    let arch = std::env::consts::ARCH.try_into().map_err(seccompiler::Error::Backend)?;
    let refusal = SeccompAction::Errno(errno.unsigned_abs());
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refusal, arch)
        .map_err(seccompiler::Error::Backend)?;
    let program: BpfProgram = filter.try_into().map_err(seccompiler::Error::Backend)?;
    apply_filter(&program)
}
