//! The demo's page: two people's services side by side, the room below, the guided path beside it.

use folkops_model::PersonId;
use maud::{Markup, html};

use super::composer::{Unsent, composer};
use super::page::{Tab, shell, who};
use super::span::{Spot, host_first, line};
use super::{Scene, avatar, beside, icon, room};
use crate::config::{Deed, Demo, GuideStep, Pane};

/// The name of the frame that shows a person's service.
pub(crate) fn frame_name(person: &PersonId) -> String {
    format!("pane-{person}")
}

/// The whole page.
pub(crate) fn page(scene: &Scene<'_>, demo: &Demo, unsent: &Unsent) -> Markup {
    let main = html! {
        main class="wide" id="main" {
            header class="lead" { div class="top" { h1 { "One service, two people, one room" } span class="small faint" { (demo.note) } } }
            div class="split" tabindex="0" role="group" aria-label="Two people use the service side by side" {
                @for pane in &demo.panes { (frame(scene, pane)) }
            }
            div class="below" {
                section class="talk small-room" id="room" aria-label="Room" {
                    h2 { "#" (scene.view.room) small class="link-state" id="link-state" role="status" {} (speak_as(scene, demo)) }
                    div class="scroll" id="scroll" { (room::entries(scene)) }
                    (composer(scene, unsent))
                }
                aside { (guide(scene, demo)) }
            }
        }
    };
    shell(scene.site, "Demo", Tab::Demo, &who(scene), &main)
}

fn frame(scene: &Scene<'_>, pane: &Pane) -> Markup {
    let face = scene.face(&pane.person);
    let mine = scene.look.rails.mixes.contains_key(&pane.person);
    html! {
        section class={ "pane" @if mine { " mine" } } id={ "show-" (frame_name(&pane.person)) } aria-label={ (face.name) "'s service" } {
            (pane_header(scene, pane))
            p class="url" { (host_first(&pane.url).unwrap_or(&pane.url)) }
            iframe name=(frame_name(&pane.person)) src=(pane.url) title={ "The service as " (face.name) " sees it" } {}
        }
    }
}

/// Who it is and what they see.
pub(crate) fn pane_header(scene: &Scene<'_>, pane: &Pane) -> Markup {
    let face = scene.face(&pane.person);
    let mix = scene.look.rails.mixes.get(&pane.person);
    let release = scene.look.rails.production.as_ref().map(|(number, _)| *number);
    html! {
        header data-runs=(runs(scene, pane)) {
            (avatar(&face, ""))
            span {
                b { (face.name) } " "
                span class="mute" { @match mix { Some((changes, _)) => (beside::tries(changes)), None => "sees production" } }
            }
            @match (mix, release) {
                (Some(_), _) => span class="pill working" { (icon::icon("commit")) (pane.mix) },
                (None, Some(number)) => span class="pill good" { (icon::icon("good")) "release " (number) },
                (None, None) => span class="pill waiting" { (icon::icon("waiting")) "starting" },
            }
        }
    }
}

/// A word that changes when another stack serves this person: the frame is then loaded anew. While the edge is still
/// being told, it says so.
pub(crate) fn runs(scene: &Scene<'_>, pane: &Pane) -> String {
    if scene.look.rails.switching {
        return "switching".to_owned();
    }
    let release = scene.look.rails.production.as_ref().map_or(0, |(number, _)| number.0);
    match scene.look.rails.mixes.get(&pane.person) {
        Some((_, stack)) => stack.to_string(),
        None => format!("release-{release}"),
    }
}

fn speak_as(scene: &Scene<'_>, demo: &Demo) -> Markup {
    html! {
        form class="seg" id="speak-as" method="post" action="/demo/speak-as" role="radiogroup" aria-label="Speak as" {
            (scene.proof())
            @for persona in &demo.personas {
                @let face = scene.face(&persona.person);
                @let here = scene.look.viewer.as_ref() == Some(&persona.person);
                button name="person" value=(persona.person) role="radio" aria-checked=(if here { "true" } else { "false" }) {
                    (avatar(&face, "sm")) (face.name)
                }
            }
        }
    }
}

/// The guided path, ticked off as far as it has happened.
pub(crate) fn guide(scene: &Scene<'_>, demo: &Demo) -> Markup {
    let (steps, ticked) = (&demo.guide, &scene.look.ticked);
    let here = (0..steps.len()).find(|index| !ticked.contains(index));
    let width = ticked.len() * 300 / steps.len().max(1);
    html! {
        section class="card sec" id="guide" aria-label="Guided path" {
            header { h2 { "Guided path" } span class="small faint num" { (ticked.len()) " of " (steps.len()) " done" } }
            svg class="progress" viewBox="0 0 300 6" preserveAspectRatio="none" aria-hidden="true" {
                rect class="all" width="300" height="6" {}
                rect class="done" width=(width) height="6" {}
            }
            ol class="path" {
                @for (index, step) in steps.iter().enumerate() {
                    (one(scene, step, index, ticked.contains(&index), here == Some(index)))
                }
            }
            p class="small faint" { (demo.closing) }
        }
    }
}

fn one(scene: &Scene<'_>, step: &GuideStep, index: usize, done: bool, here: bool) -> Markup {
    let (class, word) = match (done, here) {
        (true, _) => ("ok", "done: "),
        (false, true) => ("here", "now: "),
        (false, false) => ("", ""),
    };
    let persona = step.deed.as_ref().map(Deed::person);
    let (says, press, in_pane) = match &step.deed {
        Some(Deed::Says(_, line)) => (Some(line), None, None),
        Some(Deed::Presses { label, in_pane, .. }) => (None, Some(label), in_pane.as_ref()),
        None => (None, None, None),
    };
    html! {
        li class=(class) aria-current=[here.then_some("step")] data-step=(step.id) data-persona=[persona]
            data-say=[says] data-press=[press] data-in-pane=[in_pane] {
            span class="tick" { @if done { (icon::icon("check")) } @else { (index + 1) } }
            span { span class="sr" { (word) } (line(scene, &step.text, Spot::Prose)) }
            @if let Some(deed) = step.deed.as_ref().filter(|_| here) { (to_do(scene, deed)) }
        }
    }
}

/// The way to take a step: who speaks, and what they say or press.
fn to_do(scene: &Scene<'_>, deed: &Deed) -> Markup {
    let name = scene.face(deed.person()).name;
    html! {
        form class="do" method="post" action="/demo/speak-as" {
            (scene.proof())
            input type="hidden" name="person" value=(deed.person());
            @match deed {
                Deed::Says(_, says) => {
                    input type="hidden" name="say" value=(says);
                    span { "As " (name) ": " code class="cmd" { (says) } }
                    button class="btn main" { "Put it in the composer" }
                }
                Deed::Presses { label, in_pane, .. } => {
                    span {
                        "As " (name) ": press " b { (label) } " in the room"
                        @if let Some(label) = in_pane { ", then " b { (label) } " in the pane above" }
                    }
                    @if scene.look.viewer.as_ref() != Some(deed.person()) { button class="btn main" { "Speak as " (name) } }
                }
            }
        }
    }
}
