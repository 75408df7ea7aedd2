//! The text of a change, for a person to read before allowing it.
//!
//! Everything that would be invisible or reorder what is read is spelled out. The text is plain and not escaped for
//! any place where it may be shown.

use folkops_model::Sha;

use crate::error::GitError;
use crate::repository::Repository;
use crate::text;

impl Repository<'_> {
    /// The unified diff from `base` to `head`: of at most `limit` bytes, cut after a line that then says so.
    pub(crate) async fn diff(&self, base: &Sha, head: &Sha, limit: usize) -> Result<String, GitError> {
        self.require_commits([base, head]).await?;
        let options = ["diff-tree", "-r", "-p", "-M", "--no-ext-diff", "--no-textconv", "--no-color"];
        let call = self.objects(options.into_iter().chain([base.as_str(), head.as_str()])).limit(limit);
        let answer = self.ask(call).await?;
        if answer.code != Some(0) && !answer.cut {
            return Err(self.failed(&answer));
        }
        let text = String::from_utf8_lossy(&answer.output);
        let shown = text::revealed(&text);
        match shown.rsplit_once('\n').filter(|_| answer.cut) {
            Some((whole_lines, _)) => {
                Ok(format!("{whole_lines}\n[cut here: the diff is longer than {limit} bytes]\n"))
            }
            None => Ok(shown),
        }
    }
}
