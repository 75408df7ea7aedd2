//! The commands through the whole pipeline, over the in-memory store: what is said, and what the room reads.
//!
//! The world's effects are done by hands that answer at once; everything else is the shipped code.

#[cfg(test)]
mod alerts;
#[cfg(test)]
mod approvals;
#[cfg(test)]
mod carrying;
#[cfg(test)]
mod checklist;
#[cfg(test)]
mod doubles;
#[cfg(test)]
mod evidence;
#[cfg(test)]
mod landed;
#[cfg(test)]
mod links;
#[cfg(test)]
mod outbox;
#[cfg(test)]
mod pipeline;
#[cfg(test)]
mod pushes;
#[cfg(test)]
mod recovery;
#[cfg(test)]
mod release_branches;
#[cfg(test)]
mod reverts;
#[cfg(test)]
mod rights;
#[cfg(test)]
mod rollouts;
#[cfg(test)]
mod room;
#[cfg(test)]
mod soaks;
#[cfg(test)]
mod stories;
#[cfg(test)]
mod tidings;
#[cfg(test)]
mod way_back;
#[cfg(test)]
mod withdrawn;
