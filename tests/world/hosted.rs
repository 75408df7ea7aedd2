//! A world whose pull requests are on GitHub: the bot speaks as an App there, and nobody needs the web room.

use std::fs;
use std::path::Path;

use toml::{Table, Value};

use crate::github::{APP, Comment, GitHub, Permission};
use crate::setup::Setup;
use crate::until::{BUILT, seen_until};
use crate::world::World;

/// A world with its GitHub.
pub struct Hosted {
    /// GitHub.
    pub github: GitHub,
    /// The bot, the router, the service.
    pub world: World,
}

impl Hosted {
    /// The secret of the webhook.
    pub const SECRET: &str = "only GitHub and FolkOps know this";

    /// Starts with the first release up; Mira is somebody with a fork, Jo and Sam may write in both repositories.
    pub async fn start() -> Self {
        let hosted = Self::before_the_first_release(|_| {}).await;
        hosted.world.until_release(1).await;
        hosted
    }

    /// As [`Hosted::start`]; people may sign in to the site with GitHub.
    pub async fn with_sign_in() -> Self {
        let hosted = Self::before_the_first_release(|config| {
            let github = config["github"].as_table_mut().unwrap();
            let key = Path::new(github["key"].as_str().unwrap());
            let secret = key.with_file_name("client.secret");
            fs::write(&secret, GitHub::CLIENT_SECRET).unwrap();
            github.insert("client".into(), GitHub::CLIENT.into());
            github.insert("client_secret".into(), secret.to_str().unwrap().into());
            let site = config["site"].as_table_mut().unwrap();
            site.insert("newcomers".into(), vec!["user"].into());
        })
        .await;
        hosted.world.until_release(1).await;
        hosted
    }

    /// As [`Hosted::start`], with another configuration, while the first release is still being built.
    ///
    /// # Panics
    /// If the machine cannot do that.
    pub async fn before_the_first_release(edit: impl FnOnce(&mut Table)) -> Self {
        let setup = Setup::new(|_| {}).await;
        let github = GitHub::start(&setup.repositories).await;
        for login in ["mira", "jo", "sam"] {
            github.user(login);
        }
        for component in ["web", "recipes-api"] {
            for maintainer in ["jo", "sam"] {
                github.collaborator(&repository(component), maintainer, Permission::Write);
            }
        }
        let mut config = setup.ordinary();
        on_github(&mut config, &setup, &github);
        edit(&mut config);
        setup.configure(&config);
        github.webhooks_go_to(&format!("http://{}/webhooks/github", setup.site), Self::SECRET);
        Self { world: World::empty(setup).await, github }
    }

    /// Says something on a pull request; the comment's number.
    pub fn says(&self, who: &str, number: u32, text: &str) -> u64 {
        self.github.comments(&self.repository(number), number.into(), who, text)
    }

    /// Our one comment on a pull request, once it says all of this.
    pub async fn told(&self, number: u32, words: &[&str]) -> Comment {
        let is = |comment: &Comment| {
            comment.author.ends_with("[bot]") && words.iter().all(|word| comment.body.contains(word))
        };
        self.until(number, is).await
    }

    async fn until(&self, number: u32, is: impl Fn(&Comment) -> bool) -> Comment {
        let repository = self.repository(number);
        let comments = || self.github.comments_on(&repository, number.into());
        let found = seen_until(BUILT, async || comments().into_iter().find(&is)).await;
        found.unwrap_or_else(|| {
            // What is asked again and again would hide the rest.
            let looks = |call: &String| call.contains("/pulls →") || call.contains("/ref/heads/");
            let calls: Vec<String> = self.github.calls().into_iter().filter(|call| !looks(call)).collect();
            self.world.gives_up(&format!("no such comment: {:#?}; GitHub was asked {calls:#?}", comments()))
        })
    }

    /// Where the site is.
    pub fn site(&self) -> String {
        self.world.setup().ordinary()["site"]["url"].as_str().unwrap().to_owned()
    }

    /// Every comment of ours on a pull request.
    pub fn ours(&self, number: u32) -> Vec<Comment> {
        let all = self.github.comments_on(&self.repository(number), number.into());
        all.into_iter().filter(|comment| comment.author.ends_with("[bot]")).collect()
    }

    /// Waits until a comment carries our mark.
    pub async fn marked(&self, number: u32, comment: u64, mark: &str) {
        let is = |other: &Comment| {
            let ours: Vec<&str> = other
                .reactions
                .iter()
                .filter(|(by, _)| by.ends_with("[bot]"))
                .map(|(_, content)| content.as_str())
                .collect();
            other.id == comment && ours == [mark]
        };
        self.until(number, is).await;
    }

    /// The full SHA of a pull request's head.
    pub fn head(&self, number: u32) -> String {
        self.github.head(&self.repository(number), number.into())
    }

    /// The repository that holds a change of the demo.
    ///
    /// # Panics
    /// If there is no such change.
    pub fn repository(&self, number: u32) -> String {
        let found = self.world.setup().repositories.of_change(number).expect("a change");
        repository(found.path.file_stem().and_then(|name| name.to_str()).expect("a name"))
    }
}

fn repository(component: &str) -> String {
    format!("{}/{component}", GitHub::OWNER)
}

fn on_github(config: &mut Table, setup: &Setup, github: &GitHub) {
    let key = setup.folder().join("app.pem");
    let secret = setup.folder().join("webhook.secret");
    fs::write(&key, GitHub::KEY).unwrap();
    fs::write(&secret, Hosted::SECRET).unwrap();
    let text = |path: &std::path::Path| Value::from(path.to_str().unwrap());
    let app = Table::from_iter([
        ("api".to_owned(), Value::from(github.api())),
        ("web".to_owned(), Value::from(github.web())),
        ("app".to_owned(), Value::from(i64::try_from(APP).unwrap())),
        ("key".to_owned(), text(&key)),
        ("secrets".to_owned(), Value::from(vec![text(&secret)])),
    ]);
    config.insert("github".into(), app.into());
    for component in config["component"].as_array_mut().unwrap() {
        let component = component.as_table_mut().unwrap();
        component.remove("repository");
        let name = component["name"].as_str().unwrap();
        component.insert("github".into(), repository(name).into());
    }
}
