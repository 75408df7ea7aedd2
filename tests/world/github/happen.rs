//! What happens, whoever does it: each changes what this world knows and is announced by a webhook.

use serde_json::{Value, json};

use super::git::Committer;
use super::pull::{Comment, LineComment, Method, Pull, Reaction, Review, Stage, Verdict};
use super::state::{Permission, State};

impl State {
    fn changed(&mut self, at: usize) -> &mut super::state::Repository {
        &mut self.repositories[at]
    }

    /// Says something on a pull request.
    pub fn comment(&mut self, at: usize, pull: u64, author: u64, body: &str) -> u64 {
        let (id, now) = (self.next(), self.clock.now());
        let (body, before) = (body.to_owned(), Vec::new());
        let comment = Comment { id, pull, author, body, before, created: now, updated: now };
        self.changed(at).comments.insert(id, comment);
        self.announce_comment("created", at, id, author, json!({}));
        id
    }

    /// Changes what a comment says.
    pub fn edit(&mut self, at: usize, id: u64, by: u64, body: &str) {
        let now = self.clock.now();
        let Some(comment) = self.changed(at).comments.get_mut(&id) else { return };
        let before = std::mem::replace(&mut comment.body, body.to_owned());
        comment.updated = now;
        comment.before.push(before.clone());
        self.announce_comment("edited", at, id, by, json!({ "changes": { "body": { "from": before } } }));
    }

    /// Takes a comment away.
    pub fn delete(&mut self, at: usize, id: u64, by: u64) {
        self.announce_comment("deleted", at, id, by, json!({}));
        self.changed(at).comments.remove(&id);
    }

    fn announce_comment(&mut self, action: &str, at: usize, id: u64, by: u64, mut more: Value) {
        let comment = &self.repositories[at].comments[&id];
        let Some(pull) = self.repositories[at].pulls.get(&comment.pull) else { return };
        more["issue"] = self.shown_issue(at, pull);
        more["comment"] = self.shown_comment(at, comment);
        self.announce("issue_comment", action, at, by, more);
    }

    /// Reacts to a comment, once; whether it is new, and its number.
    pub fn react(&mut self, at: usize, comment: u64, by: u64, content: &str) -> (bool, u64) {
        let (id, now) = (self.next(), self.clock.now());
        let there = self.changed(at).reactions.entry(comment).or_default();
        if let Some(known) = there.iter().find(|one| one.by == by && one.content == content) {
            return (false, known.id);
        }
        there.push(Reaction { id, by, content: content.to_owned(), at: now });
        (true, id)
    }

    /// The number of the next pull request.
    pub fn free_number(&self, at: usize) -> u64 {
        self.repositories[at].pulls.keys().max().map_or(100, |last| last + 1).max(100)
    }

    pub fn new_pull(&mut self, number: u64, author: u64, (title, body): (String, String)) -> Pull {
        let (id, now) = (self.next(), self.clock.now());
        Pull {
            number,
            id,
            author,
            title,
            body,
            from: None,
            branch: format!("change-{number}"),
            base: "main".into(),
            draft: false,
            locked: false,
            stage: Stage::Open,
            reviews: Vec::new(),
            created: now,
            updated: now,
        }
    }

    /// Opens a pull request whose head is laid already. Those who can push open it from a branch, others from a fork.
    pub fn opens(&mut self, at: usize, number: u64, author: u64) {
        let bare = &self.repositories[at].bare;
        let head = bare.commit(&format!("refs/pull/{number}/head")).expect("a change of that number");
        let (title, body) = head.message.split_once('\n').unwrap_or((&head.message, ""));
        let text = (title.to_owned(), body.trim().to_owned());
        let mut pull = self.new_pull(number, author, text);
        let home = &self.repositories[at];
        pull.from = Some(if self.permission(at, author) >= Permission::Write {
            home.bare.point(&format!("refs/heads/{}", pull.branch), &head.sha);
            self.full_name(home)
        } else {
            format!("{}/{}", self.login(author), home.name)
        });
        self.open(at, pull);
    }

    pub fn open(&mut self, at: usize, pull: Pull) {
        let (number, author) = (pull.number, pull.author);
        self.changed(at).pulls.insert(number, pull);
        self.announce_pull("opened", at, number, author, json!({}));
    }

    pub fn announce_pull(&mut self, action: &str, at: usize, number: u64, by: u64, mut more: Value) {
        let now = self.clock.now();
        let Some(pull) = self.changed(at).pulls.get_mut(&number) else { return };
        pull.updated = now;
        more["number"] = json!(number);
        more["pull_request"] = self.shown_pull(at, &self.repositories[at].pulls[&number]);
        self.announce("pull_request", action, at, by, more);
    }

    /// Closes it, or opens it again.
    pub fn restage(&mut self, at: usize, number: u64, by: u64, stage: Stage) {
        let action = if stage == Stage::Open { "reopened" } else { "closed" };
        let Some(pull) = self.changed(at).pulls.get_mut(&number) else { return };
        pull.stage = stage;
        self.announce_pull(action, at, number, by, json!({}));
    }

    /// Merges it; the base branch's new commit, or nothing where it conflicts.
    pub fn merge(
        &mut self,
        at: usize,
        number: u64,
        method: Method,
        message: &str,
        by: u64,
    ) -> Option<String> {
        let committer = Committer { login: self.login(by).to_owned(), at: self.clock.now().as_second() };
        let (pull, bare) = (&self.repositories[at].pulls[&number], self.repositories[at].bare.clone());
        let (branch, head) = (pull.base.clone(), bare.commit_of(&pull.reference())?);
        let base = bare.commit_of(&format!("refs/heads/{branch}"))?;
        let commit = bare.merge((&branch, &head), method, message, &committer)?;
        let merged = Stage::Merged { at: self.clock.now(), by, commit: commit.clone(), base: base.clone() };
        self.restage(at, number, by, merged);
        let name = format!("refs/heads/{branch}");
        self.announce_push(at, by, &name, (&base, &commit));
        self.follow(at, by, &name, (&base, &commit));
        Some(commit)
    }

    /// Somebody puts a file on the main branch.
    pub fn write(&mut self, at: usize, by: u64, file: (&str, &str)) {
        let committer = Committer { login: self.login(by).to_owned(), at: self.clock.now().as_second() };
        let bare = self.repositories[at].bare.clone();
        let before = bare.commit_of("refs/heads/main").expect("a main branch");
        let after = bare.put("main", file, &committer);
        self.announce_push(at, by, "refs/heads/main", (&before, &after));
        self.follow(at, by, "refs/heads/main", (&before, &after));
    }

    /// A pull request's head is another one now.
    pub fn force(&mut self, at: usize, number: u64, by: u64, commit: &str) {
        let head = format!("refs/pull/{number}/head");
        let before = self.repositories[at].bare.commit_of(&head).unwrap_or_default();
        self.repositories[at].bare.point(&head, commit);
        self.synchronized(at, number, by, (&before, commit));
    }

    /// Tells that a pull request's head was moved.
    pub fn synchronized(&mut self, at: usize, number: u64, by: u64, (before, after): (&str, &str)) {
        let branch =
            self.repositories[at].pulls.get(&number).map(|pull| pull.branch.clone()).unwrap_or_default();
        let branch = format!("refs/heads/{branch}");
        // A branch beside it goes along; a fork's does so elsewhere.
        if self.repositories[at].bare.commit_of(&branch).is_some() {
            self.repositories[at].bare.point(&branch, after);
        }
        self.announce_pull("synchronize", at, number, by, json!({ "before": before, "after": after }));
    }

    /// Tells what a push moved.
    pub fn pushed(&mut self, at: usize, by: u64, before: &[(String, String)]) {
        let nowhere = "0".repeat(40);
        let of = |all: &[(String, String)], name: &str| {
            all.iter().find(|one| one.0 == name).map_or(nowhere.clone(), |one| one.1.clone())
        };
        let after = self.repositories[at].bare.references("refs/heads");
        let mut names: Vec<&String> = before.iter().chain(&after).map(|one| &one.0).collect();
        names.sort();
        names.dedup();
        for name in names {
            let (old, new) = (of(before, name), of(&after, name));
            if old != new {
                self.announce_push(at, by, name, (&old, &new));
                self.follow(at, by, name, (&old, &new));
            }
        }
    }

    /// Moves the heads of the pull requests that come from a branch.
    fn follow(&mut self, at: usize, by: u64, branch: &str, (before, after): (&str, &str)) {
        let own = self.full_name(&self.repositories[at]);
        let from = |pull: &&Pull| {
            pull.is_open()
                && pull.from.as_ref() == Some(&own)
                && branch == format!("refs/heads/{}", pull.branch)
        };
        let numbers: Vec<u64> =
            self.repositories[at].pulls.values().filter(from).map(|pull| pull.number).collect();
        // A branch that was deleted moves nothing.
        let moved = self.repositories[at].bare.commit_of(after).is_some();
        for number in numbers.into_iter().filter(|_| moved) {
            self.repositories[at].bare.point(&format!("refs/pull/{number}/head"), after);
            self.synchronized(at, number, by, (before, after));
        }
    }

    pub fn announce_push(&mut self, at: usize, by: u64, name: &str, (before, after): (&str, &str)) {
        let gone = self.repositories[at].bare.commit_of(after).is_none();
        let new = before.bytes().all(|byte| byte == b'0');
        let pusher = json!({ "name": self.login(by), "email": null });
        let body = json!({
            "ref": name, "before": before, "after": after, "created": new, "deleted": gone, "forced": false,
            "pusher": pusher, "head_commit": null, "base_ref": null, "commits": [],
        });
        self.announce("push", "", at, by, body);
    }

    /// Reviews a pull request at its present head.
    pub fn review(&mut self, at: usize, number: u64, author: u64, (verdict, body): (Verdict, &str)) -> u64 {
        let (id, now) = (self.next(), self.clock.now());
        let commit =
            self.repositories[at].bare.commit_of(&format!("refs/pull/{number}/head")).expect("a head");
        let review = Review { id, author, verdict, body: body.to_owned(), commit, at: now };
        let Some(pull) = self.changed(at).pulls.get_mut(&number) else { return 0 };
        pull.reviews.push(review);
        self.announce_review("submitted", at, number, id, author);
        id
    }

    /// Takes a review back.
    pub fn dismiss(&mut self, at: usize, number: u64, review: u64, by: u64) {
        let Some(pull) = self.changed(at).pulls.get_mut(&number) else { return };
        let Some(known) = pull.reviews.iter_mut().find(|one| one.id == review) else { return };
        known.verdict = Verdict::Dismissed;
        self.announce_review("dismissed", at, number, review, by);
    }

    fn announce_review(&mut self, action: &str, at: usize, number: u64, id: u64, by: u64) {
        let pull = &self.repositories[at].pulls[&number];
        let Some(review) = pull.reviews.iter().find(|review| review.id == id) else { return };
        let mut shown = self.shown_review(at, pull, review);
        shown["state"] = json!(review.verdict.word().to_lowercase());
        let body = json!({ "review": shown, "pull_request": self.shown_pull(at, pull) });
        self.announce("pull_request_review", action, at, by, body);
    }

    /// Says something on a line.
    pub fn line(&mut self, at: usize, pull: u64, author: u64, (path, line, body): (&str, u64, &str)) -> u64 {
        let (id, now) = (self.next(), self.clock.now());
        let commit = self.repositories[at].bare.commit_of(&format!("refs/pull/{pull}/head")).expect("a head");
        let (path, body) = (path.to_owned(), body.to_owned());
        let comment = LineComment { id, pull, author, body, path, line, commit, at: now };
        let shown = self.shown_line(at, &comment);
        self.changed(at).lines.insert(id, comment);
        let body = json!({ "comment": shown, "pull_request": self.shown_pull(at, &self.repositories[at].pulls[&pull]) });
        self.announce("pull_request_review_comment", "created", at, author, body);
        id
    }
}
