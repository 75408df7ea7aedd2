//! The colours of the look, by what they are for.
//!
//! Every contrast with the surface is at least 4.5 : 1 for text and 3 : 1 for lines that carry meaning. Colour never says
//! anything alone: a build also has its own mark and width, a threshold its dashes and its name.

use crate::graph::Theme;

/// What a line, an area or a word is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// The ground.
    Surface,
    /// What lies a little deeper.
    Sunken,
    /// Hairlines.
    Line,
    /// Axes and uprights.
    LineStrong,
    /// Titles and figures.
    Ink,
    /// Sentences.
    Ink2,
    /// Axes' words.
    Ink3,
    /// The current build.
    Current,
    /// The new build.
    New,
    /// Harm and rollback.
    Harmful,
    /// Done, and no worse.
    Good,
}

/// The colour of this tone as SVG writes it.
pub fn colour(theme: Theme, tone: Tone) -> &'static str {
    let (light, dark, page) = match tone {
        Tone::Surface => ("#ffffff", "#14191c", "var(--surface)"),
        Tone::Sunken => ("#edf0f1", "#0a0d0e", "var(--sunken)"),
        Tone::Line => ("#dde3e5", "#252d31", "var(--line)"),
        Tone::LineStrong => ("#b9c3c7", "#465259", "var(--line-strong)"),
        Tone::Ink => ("#12181b", "#e9eeef", "var(--ink)"),
        Tone::Ink2 => ("#455157", "#aab6bb", "var(--ink-2)"),
        Tone::Ink3 => ("#5f6c72", "#8a979d", "var(--ink-3)"),
        Tone::Current => ("#5f6c72", "#9aa7ad", "var(--arm-stable)"),
        Tone::New => ("#0b57d0", "#5e9ffb", "var(--arm-new)"),
        Tone::Harmful => ("#a3211b", "#ff7363", "var(--harmful)"),
        Tone::Good => ("#0b7758", "#58e6ba", "var(--good)"),
    };
    match theme {
        Theme::Light => light,
        Theme::Dark => dark,
        Theme::Page => page,
    }
}
