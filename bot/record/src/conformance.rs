//! The promises of a store, as tests that every store runs.
