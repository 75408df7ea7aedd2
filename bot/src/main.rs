//! The `folkops` program: hands its arguments to the runtime and nothing else.

fn main() -> std::process::ExitCode {
    folkops_runtime::main()
}
