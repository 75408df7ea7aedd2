//! Branches beside the main one, and pull requests between them.

use super::story::{GitHub, place};

impl GitHub {
    /// Makes a branch where the main one stands.
    pub fn branches(&self, repository: &str, branch: &str) {
        let state = self.inner.state();
        let bare = &state.repositories[place(&state, repository)].bare;
        let main = bare.commit_of("refs/heads/main").expect("a main branch");
        bare.point(&format!("refs/heads/{branch}"), &main);
    }

    /// Opens a pull request from one branch of the repository into another; its number.
    pub fn proposes(&self, repository: &str, (from, into): (&str, &str), by: &str) -> u64 {
        self.changes(repository, by, |state, at, by| {
            let number = state.free_number(at);
            let mut pull = state.new_pull(number, by, (format!("Release {from}"), String::new()));
            let home = &state.repositories[at];
            let head = home.bare.commit_of(&format!("refs/heads/{from}")).expect("a branch");
            home.bare.point(&pull.reference(), &head);
            pull.from = Some(state.full_name(home));
            (pull.branch, pull.base) = (from.to_owned(), into.to_owned());
            state.open(at, pull);
            number
        })
    }

    /// Opens the demo's change of that number against another branch than the main one.
    pub fn opens_into(&self, repository: &str, number: u64, author: &str, base: &str) {
        self.changes(repository, author, |state, at, by| {
            let (title, body) = (format!("Change {number}"), String::new());
            let mut pull = state.new_pull(number, by, (title, body));
            pull.from = Some(format!("{author}/fork"));
            pull.base = base.to_owned();
            state.open(at, pull);
        });
    }

    /// The full SHA of a branch.
    pub fn branch(&self, repository: &str, branch: &str) -> String {
        let state = self.inner.state();
        let bare = &state.repositories[place(&state, repository)].bare;
        bare.commit_of(&format!("refs/heads/{branch}")).expect("a branch")
    }

    /// Whether a pull request is merged, and into this branch.
    pub fn is_merged_into(&self, repository: &str, number: u64, branch: &str) -> bool {
        self.is_merged(repository, number) && self.base(repository, number) == branch
    }

    /// The branch that a pull request is against.
    pub fn base(&self, repository: &str, number: u64) -> String {
        let state = self.inner.state();
        let pull = state.repositories[place(&state, repository)].pulls.get(&number);
        pull.expect("a pull request").base.clone()
    }
}
