//! The story: a stranger's preview is allowed, tried by one person, promoted, taken back; a freeze, some talk, a slip.

use super::bot::Bot;

/// Tells it; every line is acknowledged and has its answer before the next one.
pub(crate) async fn tell(bot: &mut Bot<'_>) {
    preview(bot).await;
    opt_in(bot).await;
    talk(bot).await;
    freeze(bot).await;
    promote_and_take_back(bot).await;
}

async fn preview(bot: &mut Bot<'_>) {
    let asked = bot.says("mira", "/deploy-preview 41").await;
    let card = bot.answers("jo", &asked, "waits for").await;
    let allowed = bot.says("jo", &Bot::line_of(&card, "Allow")).await;
    bot.answers("mira", &asked, "is up").await;
    bot.answers("jo", &allowed, "").await;
}

async fn opt_in(bot: &mut Bot<'_>) {
    let asked = bot.says("ana", "/opt-in 41").await;
    let card = bot.answers("ana", &asked, "Try it on").await;
    let agreed = bot.says("ana", &Bot::line_of(&card, "Try it on my account")).await;
    bot.answers("ana", &agreed, "/opt-out").await;
}

async fn talk(bot: &mut Bot<'_>) {
    bot.says("ben", "The soup looks good").await;
    let slip = bot.says("ben", "/promot 41").await;
    bot.answers("ben", &slip, "/promote").await;
}

async fn freeze(bot: &mut Bot<'_>) {
    let frozen = bot.says("jo", "/freeze the fair is on").await;
    bot.answers("jo", &frozen, "Frozen").await;
    let refused = bot.says("jo", "/promote 41").await;
    bot.answers("jo", &refused, "during a freeze").await;
    let lifted = bot.says("jo", "/unfreeze").await;
    bot.answers("jo", &lifted, "").await;
}

async fn promote_and_take_back(bot: &mut Bot<'_>) {
    let promoted = bot.says("jo", "/promote 41").await;
    bot.answers("jo", &promoted, "live").await;
    let back = bot.says("jo", "/rollback").await;
    bot.answers("jo", &back, "release 1").await;
}
