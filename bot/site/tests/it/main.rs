//! The site from outside: over HTTP on loopback, before a real engine on a store in memory.

#[cfg(test)]
mod alerts;
#[cfg(test)]
mod browser;
#[cfg(test)]
mod commands;
#[cfg(test)]
mod demo;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod html;
#[cfg(test)]
mod joining;
#[cfg(test)]
mod live;
#[cfg(test)]
mod ports;
#[cfg(test)]
mod saying;
#[cfg(test)]
mod seeing;
#[cfg(test)]
mod signing_in;
#[cfg(test)]
mod world;
