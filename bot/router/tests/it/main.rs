//! The router with real sockets: its own listener, its control socket, and tiny upstreams beside it.
//!
//! Everything is observed from outside, as a visitor, the bot or an upstream sees it.

#[cfg(test)]
mod faults;
#[cfg(test)]
mod hosts;
#[cfg(test)]
mod life;
#[cfg(test)]
mod people;
#[cfg(test)]
mod rollouts;
mod sides;
#[cfg(test)]
mod smuggling;
#[cfg(test)]
mod soaks;
#[cfg(test)]
mod streams;
#[cfg(test)]
mod upstreams;
#[cfg(test)]
mod usage;
#[cfg(test)]
mod visitors;
#[cfg(test)]
mod world;
