//! The demo's guided path, followed in a real browser by what the page itself says, step by step.

use folkops_world::{Chromium, Demo};
use serde::Deserialize;

/// One step, as the page tells it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Step {
    step: String,
    #[serde(default)]
    persona: String,
    say: Option<String>,
    press: Option<String>,
    in_pane: Option<String>,
    /// Whether the browser speaks for this persona.
    speaks: bool,
}

#[tokio::test]
async fn whoever_follows_the_guided_path_sees_every_step_tick_itself_off() {
    let demo = Demo::start().await;
    println!("{}", demo.first_page);
    let browser = Chromium::start().await;
    browser.opens(&demo.page).await;
    let mut taken = Vec::new();
    while let Some(step) = here(&browser).await {
        assert!(!taken.contains(&step.step), "{step:?} does not tick itself off");
        take(&browser, &step).await;
        browser.until_built(&format!("//li[@data-step='{}'][@class='ok']", step.step)).await;
        look(&browser, &demo, &step.step).await;
        taken.push(step.step);
    }
    assert_eq!(
        taken,
        [
            "start",
            "ask",
            "allow",
            "up",
            "ask-api",
            "allow-api",
            "mix",
            "consent",
            "link",
            "promote",
            "ask-bad",
            "allow-bad",
            "promote-bad",
            "back",
            "rollback"
        ]
    );
    drop(browser);
    let (last, processes, files) = demo.stop().await;
    assert_eq!(last, "Everything has stopped and nothing was left behind.");
    assert_eq!((processes, files), (0, 0));
}

/// The step that the page says is next, all of it read at one moment.
async fn here(browser: &Chromium) -> Option<Step> {
    let script = "const step = document.querySelector('[aria-current=step]');
        const speaker = document.querySelector('#speak-as [aria-checked=true]');
        return step && { ...step.dataset, speaks: speaker.value === step.dataset.persona };";
    serde_json::from_value(browser.reads(script).await).unwrap()
}

/// Does what the page says, with the page's own buttons.
async fn take(browser: &Chromium, step: &Step) {
    if let Some(line) = &step.say {
        browser.presses("Put it in the composer").await;
        browser.until_built(&format!("//input[@id='say'][@value='{line}']")).await;
        browser.presses("Send").await;
    }
    if let Some(label) = &step.press {
        if !step.speaks {
            browser.presses("Speak as").await;
        }
        let speaker =
            format!("//form[@id='speak-as']//button[@value='{}'][@aria-checked='true']", step.persona);
        browser.until_built(&speaker).await;
        browser.presses(label).await;
    }
    if let Some(label) = &step.in_pane {
        browser.in_frame(&format!("pane-{}", step.persona), async |pane| pane.presses(label).await).await;
    }
}

/// What the two panes show after a step.
async fn look(browser: &Chromium, demo: &Demo, step: &str) {
    let (ana, ben): (&[&str], &[&str]) = match step {
        "start" => (&["Ana’s book", "Release 1"], &["Ben’s book", "Release 1"]),
        "link" => (&["Ana’s book", "#41 + #43"], &["Ben’s book", "Release 1"]),
        "promote" | "back" => (&["Ana’s book", "#41 + #43"], &["Release 2", "4 guests"]),
        "rollback" => (&["Ana’s book"], &["Release 1", "Serves 4"]),
        _ => return,
    };
    browser.in_frame("pane-ana", async |pane| _ = pane.until_sees(ana).await).await;
    browser.in_frame("pane-ben", async |pane| _ = pane.until_sees(ben).await).await;
    if step == "rollback" {
        let served = |label: &str| demo.running().iter().any(|one| one.label.as_deref() == Some(label));
        assert!(served("Release 1"), "{:?}", demo.running());
    }
}
