//! This world as a story tells it.

use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use folkops_demo::{Commit, Repositories, push_fixup};
use jiff::SignedDuration;
use tokio::runtime::Builder;
use tokio::sync::oneshot;

use super::description::Description;
use super::git::Bare;
use super::grant;
use super::pull::{Method, Stage, Verdict};
use super::server::{Inner, serve};
use super::state::{Kind, Permission, Repository, State};
use super::token::{Token, Who};
use crate::setup::free_ports;
use crate::until::until;

/// A GitHub that runs; dropping it ends it, and panics if anything was against GitHub's description.
pub struct GitHub {
    home: String,
    pub(super) inner: Arc<Inner>,
    end: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

/// A comment as everybody sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// Its number.
    pub id: u64,
    /// Its author's present name.
    pub author: String,
    /// What it says.
    pub body: String,
    /// What it said before each edit, oldest first.
    pub edits: Vec<String>,
    /// Who reacted, and how: `("folkops[bot]", "eyes")`.
    pub reactions: Vec<(String, String)>,
}

/// A review as everybody sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// Its number.
    pub id: u64,
    /// Its author's present name.
    pub author: String,
    /// What it says.
    pub verdict: Verdict,
    /// The commit that it was given on.
    pub commit: String,
}

impl GitHub {
    /// The App's private key, as GitHub hands it out; for tests and nothing else.
    pub const KEY: &str = include_str!("app.pem");
    /// The App's OAuth name.
    pub const CLIENT: &str = "Iv1.folkops";
    /// The App's OAuth secret.
    pub const CLIENT_SECRET: &str = "hush-client";
    /// The organisation that owns the demo's repositories.
    pub const OWNER: &str = "potluck";

    /// Serves the demo's repositories as `potluck/<component>`, with nobody there and no pull request open.
    pub async fn start(repositories: &Repositories) -> Self {
        Description::get();
        assert_eq!(grant::unknown(), [""; 0], "every operation wants a right that is known");
        let [address] = free_ports();
        let home = format!("http://{address}");
        let mut state = State::new(home.clone());
        let owner = state.account(Self::OWNER, Kind::Organization);
        for repository in &repositories.0 {
            let (id, bare) = (state.next(), Bare(repository.path.clone()));
            state.repositories.push(Repository::new(id, owner, bare));
        }
        let inner = Inner::new(state);
        let (end, ended) = oneshot::channel();
        let served = inner.clone();
        // A thread of its own: it answers however busy the story is, and looks at real repositories at leisure.
        let thread = thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(serve(served, address, ended));
        });
        let github = Self { home, inner, end: Some((end, thread)) };
        until("GitHub answers", async || tokio::net::TcpStream::connect(address).await.ok()).await;
        github
    }

    /// Where its API is: `http://127.0.0.1:12000`.
    pub fn api(&self) -> &str {
        &self.home
    }

    /// Where its pages and its repositories are.
    pub fn web(&self) -> &str {
        &self.home
    }

    // ---- people ----

    /// Somebody's number; there is an account of that name from now on.
    pub fn user(&self, login: &str) -> u64 {
        self.inner.state().account(login, Kind::User)
    }

    /// A bot's number; there is a bot of that name from now on.
    pub fn bot(&self, login: &str) -> u64 {
        self.inner.state().account(login, Kind::Bot)
    }

    /// Gives an account another name; its number stays.
    pub fn renames(&self, login: &str, to: &str) {
        let mut state = self.inner.state();
        assert!(state.by_login(to).is_none(), "`{to}` is taken");
        let id = state.by_login(login).unwrap_or_else(|| panic!("there is no `{login}`")).id;
        state.accounts.get_mut(&id).unwrap().login = to.to_owned();
    }

    /// A token with which somebody asks as themself, for an hour.
    pub fn token_of(&self, login: &str) -> String {
        let mut state = self.inner.state();
        let id = state.by_login(login).unwrap_or_else(|| panic!("there is no `{login}`")).id;
        let (token, until) =
            (format!("ghu_{:036}", state.next()), state.clock.after(SignedDuration::from_hours(1)));
        state.tokens.insert(token.clone(), Token { who: Who::User(id), until });
        token
    }

    /// Lets somebody do something in a repository.
    pub fn collaborator(&self, repository: &str, login: &str, permission: Permission) {
        let mut state = self.inner.state();
        let (at, id) = (place(&state, repository), state.account(login, Kind::User));
        state.repositories[at].collaborators.insert(id, permission);
    }

    // ---- pull requests ----

    /// Opens the demo's change of that number; from a branch by those who can push, else from a fork.
    pub fn opens(&self, repository: &str, number: u64, author: &str) {
        self.changes(repository, author, |state, at, by| state.opens(at, number, by));
    }

    /// The full SHA of a pull request's head.
    pub fn head(&self, repository: &str, number: u64) -> String {
        let state = self.inner.state();
        let bare = &state.repositories[place(&state, repository)].bare;
        bare.commit_of(&format!("refs/pull/{number}/head")).expect("a head")
    }

    /// Pushes one more commit to a pull request.
    pub async fn pushes(&self, repository: &str, number: u64, by: &str, files: &[(&str, &[u8])]) -> Commit {
        let before = self.head(repository, number);
        let path = self.path(repository);
        let commit = push_fixup(&path, number.try_into().unwrap(), "Mend it", files).await.unwrap();
        self.moves(repository, number, by, &before, commit.as_str());
        commit
    }

    /// Points a pull request's head to a commit that is in the repository, as a forced push does.
    pub fn forces(&self, repository: &str, number: u64, by: &str, commit: &str) {
        self.changes(repository, by, |state, at, by| state.force(at, number, by, commit));
    }

    fn moves(&self, repository: &str, number: u64, by: &str, before: &str, after: &str) {
        self.changes(repository, by, |state, at, by| state.synchronized(at, number, by, (before, after)));
    }

    /// Where the bare repository is.
    pub fn path(&self, repository: &str) -> std::path::PathBuf {
        let state = self.inner.state();
        Path::new(&state.repositories[place(&state, repository)].bare.0).to_owned()
    }

    /// Deletes the fork that a pull request came from.
    pub fn deletes_fork(&self, repository: &str, number: u64) {
        let mut state = self.inner.state();
        let at = place(&state, repository);
        state.repositories[at].pulls.get_mut(&number).expect("a pull request").from = None;
    }

    /// Makes a pull request a draft, or ready.
    pub fn drafts(&self, repository: &str, number: u64, by: &str, draft: bool) {
        let action = if draft { "converted_to_draft" } else { "ready_for_review" };
        self.changes(repository, by, |state, at, by| {
            state.repositories[at].pulls.get_mut(&number).expect("a pull request").draft = draft;
            state.announce_pull(action, at, number, by, serde_json::json!({}));
        });
    }

    /// Ends the conversation on a pull request; who can push may still comment, and programs may not.
    pub fn locks(&self, repository: &str, number: u64) {
        let mut state = self.inner.state();
        let at = place(&state, repository);
        state.repositories[at].pulls.get_mut(&number).expect("a pull request").locked = true;
    }

    /// Closes a pull request without merging it.
    pub fn closes(&self, repository: &str, number: u64, by: &str) {
        self.changes(repository, by, |state, at, by| {
            let stage = Stage::Closed { at: state.clock.now() };
            state.restage(at, number, by, stage);
        });
    }

    /// Opens a closed pull request again.
    pub fn reopens(&self, repository: &str, number: u64, by: &str) {
        self.changes(repository, by, |state, at, by| state.restage(at, number, by, Stage::Open));
    }

    /// Merges a pull request with the button; the commit.
    pub fn merges(&self, repository: &str, number: u64, by: &str) -> String {
        self.merges_as(repository, number, by, Method::Merge)
    }

    /// Merges a pull request in one of the three ways that the button has; the commit.
    pub fn merges_as(&self, repository: &str, number: u64, by: &str, method: Method) -> String {
        let merged = self.changes(repository, by, |state, at, by| {
            state.merge(at, number, method, &format!("Merge pull request #{number}"), by)
        });
        merged.expect("it merges")
    }

    /// Whether a pull request is merged.
    pub fn is_merged(&self, repository: &str, number: u64) -> bool {
        let state = self.inner.state();
        let pull = state.repositories[place(&state, repository)].pulls.get(&number);
        matches!(pull.expect("a pull request").stage, Stage::Merged { .. })
    }

    /// The open pull requests: number, author and title.
    pub fn open(&self, repository: &str) -> Vec<(u64, String, String)> {
        let state = self.inner.state();
        let pulls = state.repositories[place(&state, repository)].pulls.values();
        let shown = pulls.filter(|pull| pull.is_open());
        shown.map(|pull| (pull.number, state.login(pull.author).to_owned(), pull.title.clone())).collect()
    }

    /// What a pull request says below its title.
    pub fn text(&self, repository: &str, number: u64) -> String {
        let state = self.inner.state();
        state.repositories[place(&state, repository)].pulls[&number].body.clone()
    }

    /// Reviews a pull request at its present head; the review's number.
    pub fn reviews(&self, repository: &str, number: u64, by: &str, verdict: Verdict, body: &str) -> u64 {
        self.changes(repository, by, |state, at, by| state.review(at, number, by, (verdict, body)))
    }

    /// Takes a review back.
    pub fn dismisses(&self, repository: &str, number: u64, by: &str, review: u64) {
        self.changes(repository, by, |state, at, by| state.dismiss(at, number, review, by));
    }

    /// The reviews of a pull request.
    pub fn reviews_of(&self, repository: &str, number: u64) -> Vec<Review> {
        let state = self.inner.state();
        let pull = &state.repositories[place(&state, repository)].pulls[&number];
        let shown = |review: &super::pull::Review| Review {
            id: review.id,
            author: state.login(review.author).to_owned(),
            verdict: review.verdict,
            commit: review.commit.clone(),
        };
        pull.reviews.iter().map(shown).collect()
    }

    // ---- comments ----

    /// Says something on a pull request; the comment's number.
    pub fn comments(&self, repository: &str, number: u64, by: &str, body: &str) -> u64 {
        self.changes(repository, by, |state, at, by| state.comment(at, number, by, body))
    }

    /// Says something on a line of a pull request; the comment's number.
    pub fn comments_line(
        &self,
        repository: &str,
        number: u64,
        by: &str,
        at_line: (&str, u64),
        body: &str,
    ) -> u64 {
        let (path, line) = at_line;
        self.changes(repository, by, |state, at, by| state.line(at, number, by, (path, line, body)))
    }

    /// Changes what a comment says; it may be somebody else's.
    pub fn edits(&self, repository: &str, comment: u64, by: &str, body: &str) {
        self.changes(repository, by, |state, at, by| state.edit(at, comment, by, body));
    }

    /// Takes a comment away.
    pub fn deletes(&self, repository: &str, comment: u64, by: &str) {
        self.changes(repository, by, |state, at, by| state.delete(at, comment, by));
    }

    /// The comments on a pull request, oldest first.
    pub fn comments_on(&self, repository: &str, number: u64) -> Vec<Comment> {
        let state = self.inner.state();
        let home = &state.repositories[place(&state, repository)];
        let reaction = |one: &super::pull::Reaction| (state.login(one.by).to_owned(), one.content.clone());
        let shown = |comment: &super::pull::Comment| Comment {
            id: comment.id,
            author: state.login(comment.author).to_owned(),
            body: comment.body.clone(),
            edits: comment.before.clone(),
            reactions: home.reactions.get(&comment.id).into_iter().flatten().map(reaction).collect(),
        };
        home.comments.values().filter(|comment| comment.pull == number).map(shown).collect()
    }

    /// Waits for a comment on a pull request that is as it should be.
    ///
    /// # Panics
    /// If there is none within two minutes; the text shows those that are there.
    pub async fn until_comment(
        &self,
        repository: &str,
        number: u64,
        is: impl Fn(&Comment) -> bool,
    ) -> Comment {
        let look = async || self.comments_on(repository, number).into_iter().find(&is);
        match crate::until::seen_until(crate::until::BUILT, look).await {
            Some(comment) => comment,
            None => panic!("no such comment on #{number}: {:#?}", self.comments_on(repository, number)),
        }
    }

    // ---- what it saw ----

    /// Every request and its status: `GET /app → 200`.
    pub fn calls(&self) -> Vec<String> {
        self.inner.state().calls.clone()
    }

    /// What was against GitHub's description.
    pub fn violations(&self) -> Vec<String> {
        self.inner.state().violations.clone()
    }

    /// As [`GitHub::violations`], and forgets them: for a story in which they are the point.
    pub fn forgives(&self) -> Vec<String> {
        std::mem::take(&mut self.inner.state().violations)
    }

    pub(super) fn changes<T>(
        &self,
        repository: &str,
        by: &str,
        change: impl FnOnce(&mut State, usize, u64) -> T,
    ) -> T {
        self.inner.change(|state| {
            let at = place(state, repository);
            let by = state.by_login(by).unwrap_or_else(|| panic!("there is no `{by}`")).id;
            change(state, at, by)
        })
    }
}

impl Drop for GitHub {
    fn drop(&mut self) {
        if let Some((end, thread)) = self.end.take() {
            drop(end);
            let _ = thread.join();
        }
        if !thread::panicking() {
            assert_eq!(self.violations(), Vec::<String>::new(), "against GitHub's description");
        }
    }
}

pub(super) fn place(state: &State, repository: &str) -> usize {
    let (owner, name) = repository.split_once('/').expect("owner/name");
    state.place(owner, name).unwrap_or_else(|| panic!("there is no `{repository}`"))
}
