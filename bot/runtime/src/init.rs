//! `folkops init github`: makes the GitHub App and writes its credentials down, for this user's eyes alone.
//!
//! Nothing is ever written over: credentials that are there belong to an App that is in use.

use std::io::Write as _;
use std::net::Ipv4Addr;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use folkops_github::{Making, NewApp, make};
use folkops_model::ports::random_word;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::net::TcpListener;

use crate::build::StartError;
use crate::ports::SystemEntropy;
use crate::prompt::say;

const KEY: &str = "app.pem";
const WEBHOOK: &str = "webhook.secret";
const CLIENT: &str = "client.secret";

/// What can be set up.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum InitCommand {
    /// Makes the GitHub App, by one page on this machine and one click.
    Github(GithubArgs),
}

/// How the App shall be.
#[derive(Debug, Clone, clap::Args)]
pub struct GithubArgs {
    /// Where people and GitHub reach the site, such as `https://ops.example.org`.
    #[arg(long)]
    site: String,
    /// How the App will be called; no other App on GitHub may have the name.
    #[arg(long)]
    name: String,
    /// The organisation that will own it; you without one.
    #[arg(long)]
    organisation: Option<String>,
    /// The folder for its credentials.
    #[arg(long, default_value = "github")]
    folder: PathBuf,
    /// Where the API is: for GitHub Enterprise Server `https://HOST/api/v3`.
    #[arg(long, default_value = "https://api.github.com")]
    api: String,
    /// Where people find GitHub.
    #[arg(long, default_value = "https://github.com")]
    web: String,
    /// The port of the page on this machine; a free one without it.
    #[arg(long, default_value_t = 0)]
    port: u16,
}

/// Makes the App, and gives what is to be pasted into the configuration.
pub async fn github(args: GithubArgs) -> Result<String, StartError> {
    let plain = |address: &str| address.trim_end_matches('/').to_owned();
    let named = |name: &String| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if args.organisation.as_ref().is_some_and(|name| !named(name)) {
        return Err(StartError("`--organisation` takes the organisation's login, such as `potluck`".into()));
    }
    free(&args.folder).map_err(StartError)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, args.port)).await.map_err(StartError::of)?;
    let here = listener.local_addr().map_err(StartError::of)?;
    say(&format!("Open http://{here}/ in a browser on this machine, and click once."));
    let making = Making {
        name: args.name,
        site: plain(&args.site),
        organisation: args.organisation,
        api: plain(&args.api),
        web: plain(&args.web),
        state: random_word(&SystemEntropy, 32),
    };
    let (folder, api, web) = (args.folder.clone(), making.api.clone(), making.web.clone());
    let app = make(listener, making, Box::new(move |app| keep(&folder, app))).await.map_err(StartError)?;
    Ok(section(&args.folder, &app, (&api, &web)))
}

/// Refuses a folder in which credentials are.
fn free(folder: &Path) -> Result<(), String> {
    match [KEY, WEBHOOK, CLIENT].iter().map(|name| folder.join(name)).find(|path| path.exists()) {
        Some(there) => Err(format!(
            "`{}` is there already and is not written over; move it away, or name another `--folder`",
            there.display()
        )),
        None => Ok(()),
    }
}

/// Writes the credentials, each into a file that only this user can read.
fn keep(folder: &Path, app: &NewApp) -> Result<(), String> {
    let wrong = |error: std::io::Error| format!("`{}` cannot be written: {error}", folder.display());
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(wrong)?;
    let files = [(KEY, &app.pem), (WEBHOOK, &app.webhook_secret), (CLIENT, &app.client_secret)];
    files.into_iter().try_for_each(|(name, secret)| write(&folder.join(name), secret).map_err(wrong))
}

fn write(path: &Path, secret: &SecretString) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(secret.expose_secret().as_bytes())?;
    file.sync_all()
}

/// The section of the configuration, with addresses only where they are not GitHub's own.
fn section(folder: &Path, app: &NewApp, (api, web): (&str, &str)) -> String {
    let file = |name: &str| toml::Value::from(folder.join(name).display().to_string());
    let mut lines = vec![
        format!("The App is number {}. Paste this into the configuration:", app.id),
        String::new(),
        "[github]".to_owned(),
        format!("app = {}", app.id),
        format!("key = {}", file(KEY)),
        format!("secrets = [{}]", file(WEBHOOK)),
        format!("client = {}", toml::Value::from(app.client_id.as_str())),
        format!("client_secret = {}", file(CLIENT)),
    ];
    if web != "https://github.com" {
        lines.push(format!("api = {}\nweb = {}", toml::Value::from(api), toml::Value::from(web)));
    }
    lines.push(String::new());
    lines.push(format!("Then install it in your repositories: {}/installations/new", app.html_url));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn app() -> NewApp {
        NewApp {
            id: 42,
            html_url: "https://github.com/apps/potluck-ops".into(),
            pem: "key".into(),
            webhook_secret: "hush".into(),
            client_id: "Iv1.x".into(),
            client_secret: "hush too".into(),
        }
    }

    #[test]
    fn credentials_are_for_this_user_alone_and_never_written_over() {
        let home = tempfile::TempDir::new().unwrap();
        let folder = home.path().join("github");
        free(&folder).unwrap();
        keep(&folder, &app()).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder), 0o700);
        for (name, text) in [(KEY, "key"), (WEBHOOK, "hush"), (CLIENT, "hush too")] {
            let path = folder.join(name);
            assert_eq!((mode(&path), std::fs::read_to_string(&path).unwrap().as_str()), (0o600, text));
        }
        assert!(free(&folder).unwrap_err().contains("is there already and is not written over"));
        assert!(keep(&folder, &app()).is_err());
    }

    #[test]
    fn what_is_pasted_is_a_section_that_the_configuration_takes() {
        let ghe = ("https://ghe.example/api/v3", "https://ghe.example");
        let said = section(Path::new("github"), &app(), ghe);
        let (_, pasted) = said.split_once("\n\n").unwrap();
        let (pasted, next) = pasted.split_once("\n\n").unwrap();
        let section: toml::Table = pasted.parse().unwrap();
        let github: crate::config::Github = section["github"].clone().try_into().unwrap();
        assert_eq!((github.app, github.client.as_deref(), github.api.as_str()), (42, Some("Iv1.x"), ghe.0));
        assert_eq!(
            next,
            "Then install it in your repositories: https://github.com/apps/potluck-ops/installations/new"
        );
        assert!(!section_of_github().contains("api ="));
    }

    fn section_of_github() -> String {
        section(Path::new("github"), &app(), ("https://api.github.com", "https://github.com"))
    }
}
