//! What this world knows, in the API's own words. What GitHub says besides is put in from its description.

use serde_json::{Value, json};

use super::grant::Level;

use super::git::Commit;
use super::pull::{Comment, LineComment, Pull, Reaction, Review, Stage};
use super::state::{APP, INSTALLATION, Permission, Repository, State};

impl State {
    pub fn shown_account(&self, id: u64) -> Value {
        let Some(account) = self.accounts.get(&id) else { return Value::Null };
        let login = &account.login;
        let escaped = crate::http::escaped(login);
        json!({
            "id": id, "node_id": format!("U_{id}"), "login": login, "type": account.kind.word(),
            "url": format!("{}/users/{escaped}", self.home), "html_url": format!("{}/{escaped}", self.home),
            "site_admin": false, "user_view_type": "public",
        })
    }

    pub fn shown_repository(&self, at: usize) -> Value {
        let repository = &self.repositories[at];
        let full = self.full_name(repository);
        json!({
            "id": repository.id, "node_id": format!("R_{}", repository.id), "name": repository.name,
            "full_name": full, "owner": self.shown_account(repository.owner), "private": false, "fork": false,
            "url": format!("{}/repos/{full}", self.home), "html_url": format!("{}/{full}", self.home),
            "clone_url": format!("{}/{full}.git", self.home), "default_branch": "main", "visibility": "public",
            "archived": false, "disabled": false, "allow_forking": true,
            "open_issues_count": repository.pulls.values().filter(|pull| pull.is_open()).count(),
        })
    }

    pub fn shown_pull(&self, at: usize, pull: &Pull) -> Value {
        let (repository, home) = (&self.repositories[at], &self.home);
        let (full, number) = (self.full_name(repository), pull.number);
        let head = repository.bare.commit_of(&pull.reference()).expect("a head");
        let base = self.base_of(repository, pull);
        let api = format!("{home}/repos/{full}/pulls/{number}");
        let side = |repo: Value, owner: &str, branch: &str, sha: &str| {
            json!({ "label": format!("{owner}:{branch}"), "ref": branch, "sha": sha, "repo": repo,
                "user": self.by_login(owner).map_or(Value::Null, |account| self.shown_account(account.id)) })
        };
        let (closed, merged) = match &pull.stage {
            Stage::Open => (Value::Null, Value::Null),
            Stage::Closed { at } => (json!(at), Value::Null),
            Stage::Merged { at, .. } => (json!(at), json!(at)),
        };
        let (by, commit) = match &pull.stage {
            Stage::Merged { by, commit, .. } => (self.shown_account(*by), json!(commit)),
            _ => (Value::Null, Value::Null),
        };
        let from = pull.from.clone().unwrap_or_else(|| format!("{}/", self.login(pull.author)));
        let owner = from.split('/').next().unwrap_or_default();
        let mergeable = pull.is_open().then(|| repository.bare.merges(&base, &head));
        let files = repository.bare.files(&base, &head);
        json!({
            "id": pull.id, "node_id": format!("PR_{}", pull.id), "number": number, "url": api,
            "html_url": format!("{home}/{full}/pull/{number}"),
            "issue_url": format!("{home}/repos/{full}/issues/{number}"),
            "title": pull.title, "body": pull.body, "user": self.shown_account(pull.author),
            "state": if pull.is_open() { "open" } else { "closed" }, "draft": pull.draft, "locked": pull.locked,
            "created_at": pull.created, "updated_at": pull.updated, "closed_at": closed, "merged_at": merged,
            "merged": !by.is_null(), "merged_by": by, "merge_commit_sha": commit, "mergeable": mergeable,
            "mergeable_state": if mergeable == Some(false) { "dirty" } else { "clean" },
            "head": side(self.head_repository(at, pull), owner, &pull.branch, &head),
            "base": side(self.shown_repository(at), self.login(repository.owner), &pull.base, &base),
            "author_association": self.association(at, pull.author),
            "changed_files": files.len(), "additions": files.iter().map(|file| file.1).sum::<u64>(),
            "deletions": files.iter().map(|file| file.2).sum::<u64>(), "commits": 1,
        })
    }

    fn base_of(&self, repository: &Repository, pull: &Pull) -> String {
        match &pull.stage {
            Stage::Merged { base, .. } => base.clone(),
            _ => repository.bare.commit_of(&format!("refs/heads/{}", pull.base)).expect("a base"),
        }
    }

    /// A fork shares everything with its parent but its owner, its name and its number.
    fn head_repository(&self, at: usize, pull: &Pull) -> Value {
        let Some(from) = &pull.from else { return Value::Null };
        let mut shown = self.shown_repository(at);
        if *from != self.full_name(&self.repositories[at]) {
            let (owner, name) = from.split_once('/').unwrap_or_default();
            let owner = self.by_login(owner).map_or(0, |account| account.id);
            shown["id"] = json!(self.repositories[at].id * 1_000_000 + owner);
            shown["node_id"] = json!(format!("R_{}", shown["id"]));
            shown["name"] = json!(name);
            shown["full_name"] = json!(from);
            shown["owner"] = self.shown_account(owner);
            shown["fork"] = json!(true);
            shown["url"] = json!(format!("{}/repos/{from}", self.home));
            shown["html_url"] = json!(format!("{}/{from}", self.home));
            shown["clone_url"] = json!(format!("{}/{from}.git", self.home));
        }
        shown
    }

    /// A pull request as an issue, which knows of no commit.
    pub fn shown_issue(&self, at: usize, pull: &Pull) -> Value {
        let (full, number) = (self.full_name(&self.repositories[at]), pull.number);
        let html = format!("{}/{full}/pull/{number}", self.home);
        json!({
            "id": pull.id + 500_000, "node_id": format!("PR_{}", pull.id), "number": number,
            "url": format!("{}/repos/{full}/issues/{number}", self.home), "html_url": html,
            "repository_url": format!("{}/repos/{full}", self.home), "title": pull.title, "body": pull.body,
            "user": self.shown_account(pull.author), "state": if pull.is_open() { "open" } else { "closed" },
            "locked": pull.locked, "draft": pull.draft, "created_at": pull.created, "updated_at": pull.updated,
            "closed_at": null, "author_association": self.association(at, pull.author), "labels": [],
            "comments": self.repositories[at].comments.values().filter(|one| one.pull == number).count(),
            "pull_request": {
                "url": format!("{}/repos/{full}/pulls/{number}", self.home), "html_url": html,
                "diff_url": format!("{html}.diff"), "patch_url": format!("{html}.patch"), "merged_at": null,
            },
        })
    }

    pub fn shown_comment(&self, at: usize, comment: &Comment) -> Value {
        let (full, id) = (self.full_name(&self.repositories[at]), comment.id);
        let by_app = comment.author == self.app.account;
        json!({
            "id": id, "node_id": format!("IC_{id}"),
            "url": format!("{}/repos/{full}/issues/comments/{id}", self.home),
            "html_url": format!("{}/{full}/pull/{}#issuecomment-{id}", self.home, comment.pull),
            "issue_url": format!("{}/repos/{full}/issues/{}", self.home, comment.pull),
            "user": self.shown_account(comment.author), "body": comment.body,
            "created_at": comment.created, "updated_at": comment.updated,
            "author_association": self.association(at, comment.author),
            "performed_via_github_app": if by_app { self.shown_app() } else { Value::Null },
        })
    }

    pub fn shown_line(&self, at: usize, comment: &LineComment) -> Value {
        let (full, id, pull) = (self.full_name(&self.repositories[at]), comment.id, comment.pull);
        let api = format!("{}/repos/{full}/pulls", self.home);
        let html = format!("{}/{full}/pull/{pull}#discussion_r{id}", self.home);
        json!({
            "id": id, "node_id": format!("PRRC_{id}"), "pull_request_review_id": id + 500_000,
            "url": format!("{api}/comments/{id}"), "html_url": html, "pull_request_url": format!("{api}/{pull}"),
            "diff_hunk": "@@ -1 +1 @@", "path": comment.path, "line": comment.line, "position": 1, "side": "RIGHT",
            "commit_id": comment.commit, "original_commit_id": comment.commit, "body": comment.body,
            "user": self.shown_account(comment.author), "created_at": comment.at, "updated_at": comment.at,
            "author_association": self.association(at, comment.author), "subject_type": "line",
            "_links": { "self": { "href": format!("{api}/comments/{id}") }, "html": { "href": html },
                "pull_request": { "href": format!("{api}/{pull}") } },
        })
    }

    pub fn shown_review(&self, at: usize, pull: &Pull, review: &Review) -> Value {
        let (full, number) = (self.full_name(&self.repositories[at]), pull.number);
        let html = format!("{}/{full}/pull/{number}#pullrequestreview-{}", self.home, review.id);
        let api = format!("{}/repos/{full}/pulls/{number}", self.home);
        json!({
            "id": review.id, "node_id": format!("PRR_{}", review.id), "user": self.shown_account(review.author),
            "body": review.body, "state": review.verdict.word(), "html_url": html, "pull_request_url": api,
            "submitted_at": review.at, "commit_id": review.commit,
            "author_association": self.association(at, review.author),
            "_links": { "html": { "href": html }, "pull_request": { "href": api } },
        })
    }

    pub fn shown_reaction(&self, reaction: &Reaction) -> Value {
        json!({
            "id": reaction.id, "node_id": format!("REA_{}", reaction.id), "content": reaction.content,
            "user": self.shown_account(reaction.by), "created_at": reaction.at,
        })
    }

    pub fn shown_commit(&self, at: usize, commit: &Commit) -> Value {
        let full = self.full_name(&self.repositories[at]);
        let api = |sha: &str| format!("{}/repos/{full}/commits/{sha}", self.home);
        let html = |sha: &str| format!("{}/{full}/commit/{sha}", self.home);
        let [name, email, date] = &commit.author;
        let person = json!({ "name": name, "email": email, "date": date });
        let parent = |sha: &String| json!({ "sha": sha, "url": api(sha), "html_url": html(sha) });
        json!({
            "sha": commit.sha, "node_id": format!("C_{}", commit.sha), "url": api(&commit.sha),
            "html_url": html(&commit.sha), "comments_url": format!("{}/comments", api(&commit.sha)),
            "commit": { "author": person, "committer": person, "message": commit.message,
                "tree": { "sha": commit.tree, "url": self.home }, "url": api(&commit.sha), "comment_count": 0 },
            "author": null, "committer": null, "parents": commit.parents.iter().map(parent).collect::<Vec<_>>(),
        })
    }

    pub fn shown_app(&self) -> Value {
        json!({
            "id": APP, "node_id": "A_1", "slug": self.app.slug, "name": self.app.name, "client_id": "Iv1.folkops",
            "owner": self.shown_account(self.app.account), "description": null,
            "external_url": self.home, "html_url": format!("{}/apps/{}", self.home, self.app.slug),
            "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
            "permissions": self.shown_grants(), "events": [],
        })
    }

    pub fn shown_grants(&self) -> Value {
        let word = |level: &Level| if *level == Level::Write { "write" } else { "read" };
        self.app.grants.iter().map(|(name, level)| (name.clone(), json!(word(level)))).collect()
    }

    pub fn shown_installation(&self, owner: u64) -> Value {
        json!({
            "id": INSTALLATION, "app_id": APP, "app_slug": self.app.slug, "target_id": owner, "target_type": "Organization",
            "account": self.shown_account(owner), "repository_selection": "all",
            "permissions": self.shown_grants(), "events": [],
            "access_tokens_url": format!("{}/app/installations/{INSTALLATION}/access_tokens", self.home),
            "repositories_url": format!("{}/installation/repositories", self.home), "suspended_at": null,
            "html_url": self.home, "single_file_name": null, "suspended_by": null,
            "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
        })
    }

    /// GitHub's word for how close somebody is, by which nothing must ever be decided.
    fn association(&self, at: usize, account: u64) -> &'static str {
        match self.permission(at, account) {
            _ if account == self.app.account => "NONE",
            Permission::Admin => "OWNER",
            Permission::Write | Permission::Maintain | Permission::Triage => "COLLABORATOR",
            Permission::Read | Permission::None => "CONTRIBUTOR",
        }
    }
}
