//! The local target with the real wall and real processes.
//!
//! `bwrap` is taken from `$FOLKOPS_BWRAP` or from `PATH`; a machine without it fails these tests and says so.

#[cfg(test)]
mod building;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod running;
#[cfg(test)]
mod stacks;
#[cfg(test)]
mod world;
