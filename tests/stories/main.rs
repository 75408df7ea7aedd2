//! Stories: the built program, driven through its surfaces.

fn main() {}
