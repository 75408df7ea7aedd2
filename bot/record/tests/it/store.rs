//! The in-memory twin keeps every promise of a store.

use std::sync::Arc;

use folkops_record::memory::MemoryStore;
use folkops_record::{Store, conformance};

#[tokio::test]
async fn the_store_in_memory_keeps_every_promise() {
    let fresh = || {
        let store = MemoryStore::new();
        move || Ok(Arc::new(store.clone()) as Arc<dyn Store>)
    };
    conformance::run(fresh).await.unwrap();
}
