//! The local forge against real repositories, made by the real `git`, ordinary and hostile ones.

#[cfg(test)]
mod advance;
#[cfg(test)]
mod changes;
#[cfg(test)]
mod compare;
#[cfg(test)]
mod diff;
#[cfg(test)]
mod executable;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod materialise;
#[cfg(test)]
mod merge;
#[cfg(test)]
mod promotion;
#[cfg(test)]
mod revert;
#[cfg(test)]
mod touched;
