//! The record from outside: what its public face promises.

#[cfg(test)]
mod ledger;
#[cfg(test)]
mod store;
#[cfg(test)]
mod table;
#[cfg(test)]
mod world;
