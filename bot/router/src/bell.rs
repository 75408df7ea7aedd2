//! A waker that remembers whether it was rung, and that can be hushed.
//!
//! A task that does several things is woken without being told for which. With a bell of its own, a thing at the
//! side is looked at only after it rang, and what the task itself sets off does not cost it another turn.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// A waker for one thing, whichever task holds it.
pub(crate) struct Bell {
    state: Arc<State>,
    waker: Waker,
}

struct State {
    holder: Mutex<Waker>,
    rung: AtomicBool,
    hushed: AtomicBool,
    missed: AtomicBool,
}

impl Bell {
    /// A bell that has just rung, so that what it is for is looked at once.
    pub(crate) fn new() -> Self {
        let state = Arc::new(State {
            holder: Mutex::new(Waker::noop().clone()),
            rung: AtomicBool::new(true),
            hushed: AtomicBool::new(false),
            missed: AtomicBool::new(false),
        });
        Self { waker: Waker::from(Arc::clone(&state)), state }
    }

    /// Whether it rang since it was last answered.
    pub(crate) fn has_rung(&self) -> bool {
        self.state.rung.load(Relaxed)
    }

    /// Answers the bell: from now on it rings for this task, through the context given back.
    pub(crate) fn answer(&self, holder: &Context<'_>) -> Context<'_> {
        self.state.rung.store(false, Relaxed);
        let mut known = self.state.holder.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.will_wake(holder.waker()) {
            known.clone_from(holder.waker());
        }
        Context::from_waker(&self.waker)
    }

    /// Polls without being rung by it; a ring is made up for where there is nothing to take.
    pub(crate) fn hush<T>(&self, poll: impl FnOnce() -> Poll<T>) -> Poll<T> {
        self.state.hushed.store(true, Relaxed);
        let polled = poll();
        self.state.hushed.store(false, Relaxed);
        if self.state.missed.swap(false, Relaxed) && polled.is_pending() {
            self.state.ring();
        }
        polled
    }
}

impl State {
    fn ring(&self) {
        self.rung.store(true, Relaxed);
        self.holder.lock().unwrap_or_else(PoisonError::into_inner).wake_by_ref();
    }
}

impl Wake for State {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.hushed.load(Relaxed) {
            self.missed.store(true, Relaxed);
        } else {
            self.ring();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Relaxed);
        }
    }

    #[test]
    fn it_rings_for_whoever_answered_last_and_remembers_until_the_next_answer() {
        let (first, second) = (Arc::new(Count::default()), Arc::new(Count::default()));
        let bell = Bell::new();
        bell.answer(&Context::from_waker(&Arc::clone(&first).into()));
        let waker = bell.answer(&Context::from_waker(&Arc::clone(&second).into())).waker().clone();
        assert!(!bell.has_rung());
        waker.wake();
        assert!(bell.has_rung());
        assert_eq!((first.0.load(Relaxed), second.0.load(Relaxed)), (0, 1));
    }

    #[test]
    fn a_hushed_ring_is_lost_only_where_something_was_taken() {
        let count = Arc::new(Count::default());
        let bell = Bell::new();
        let waker = bell.answer(&Context::from_waker(&Arc::clone(&count).into())).waker().clone();
        let taken = bell.hush(|| {
            waker.wake_by_ref();
            Poll::Ready(())
        });
        assert!(taken.is_ready() && count.0.load(Relaxed) == 0);
        let nothing = bell.hush(|| {
            waker.wake_by_ref();
            Poll::<()>::Pending
        });
        assert!(nothing.is_pending() && count.0.load(Relaxed) == 1);
    }
}
