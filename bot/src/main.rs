//! The `folkops` program: hands its arguments to the runtime and nothing else.
fn main() {}
