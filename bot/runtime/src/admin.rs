//! The operator's socket: what the prompt asks of the running program, one JSON line each way.
//!
//! The socket lies in the state folder with mode 0600; whoever can open it could as well change the journal's files.
//! When the program does not run, the prompt opens the journal itself.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;

use folkops_engine::{Engine, Inbound};
use folkops_model::ports::random_word;
use folkops_model::{Cause, MessageId, Place, Principal, SurfaceName};
use folkops_record::{Draft, Keyring, Note};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

use crate::build::{Bot, StartError, Storage, WEB};
use crate::config::Config;
use crate::people::{Ask, Done, Office};

/// What comes back: what is said, or what is wrong.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// Done.
    Said(String),
    /// Not done.
    Wrong(String),
}

fn socket(config: &Config) -> PathBuf {
    config.state.join("admin.sock")
}

/// Asks the running program, or does it on the journal when none runs.
pub async fn ask(config: &Config, ask: &Ask) -> Result<String, StartError> {
    match UnixStream::connect(socket(config)).await {
        Ok(stream) => over(stream, ask).await,
        Err(_) => alone(config, ask).await,
    }
}

async fn over(stream: UnixStream, ask: &Ask) -> Result<String, StartError> {
    let (reader, mut writer) = stream.into_split();
    let mut line = serde_json::to_string(ask).map_err(StartError::of)?;
    line.push('\n');
    writer.write_all(line.as_bytes()).await.map_err(StartError::of)?;
    let mut answer = String::new();
    BufReader::new(reader).read_line(&mut answer).await.map_err(StartError::of)?;
    match serde_json::from_str(&answer).map_err(StartError::of)? {
        Answer::Said(said) => Ok(said),
        Answer::Wrong(wrong) => Err(StartError(wrong)),
    }
}

async fn alone(config: &Config, ask: &Ask) -> Result<String, StartError> {
    let Storage { ledger, keyring, entropy, .. } = crate::build::storage(config).await?;
    let office = Office {
        ledger: &ledger,
        keyring: keyring.as_ref(),
        entropy: entropy.as_ref(),
        site: &config.site.url,
    };
    let done = decide(&office, ask).map_err(StartError)?;
    if let Some(draft) = draft(&done) {
        let recorded = ledger.append(draft).await.map_err(StartError::of)?;
        tracing::debug!(record.sequence = recorded.sequence(), "recorded");
    }
    ledger.settle().await.map_err(StartError::of)?;
    erase(keyring.as_ref(), &done).map_err(StartError)?;
    Ok(done.said)
}

fn decide(office: &Office<'_>, ask: &Ask) -> Result<Done, String> {
    match ask {
        Ask::Invite { name, groups, owner, git } => {
            office.invite(name, groups, owner.as_ref(), git.as_deref())
        }
        Ask::Grant { person, group, revoke } => office.grant(person, *group, *revoke),
        Ask::Erase { person } => office.erase(person),
        Ask::Rollback { .. } => Err("the program does not run; use `folkops rollback --offline`".into()),
    }
}

/// Destroys keys; saying the same again after a crash destroys the rest.
fn erase(keyring: &dyn Keyring, done: &Done) -> Result<(), String> {
    done.erased.iter().try_for_each(|sealed| keyring.erase(sealed)).map_err(|error| error.to_string())
}

fn draft(done: &Done) -> Option<Draft> {
    let mut notes = done.bodies.iter().cloned().filter_map(Note::of);
    let first = notes.next()?;
    Some(notes.fold(Draft::note(first), Draft::and))
}

/// Listens until the program stops.
pub async fn serve(
    listener: UnixListener,
    bot: Arc<Bot>,
    stop: tokio_util::sync::CancellationToken,
) -> std::io::Result<()> {
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, _) = accepted?;
        let bot = bot.clone();
        tokio::spawn(async move {
            if let Err(error) = answer(&bot, stream).await {
                tracing::warn!(%error, "an operator's request was cut off");
            }
        });
    }
    std::fs::remove_file(socket(&bot.config))
}

/// Makes the socket. It is there before the site answers: whoever finds the program ready may ask it something.
pub fn listen(config: &Config) -> std::io::Result<UnixListener> {
    let path = socket(config);
    if path.exists() {
        std::fs::remove_file(&path)?;
    }
    let listener = UnixListener::bind(&path)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

async fn answer(bot: &Bot, stream: UnixStream) -> std::io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut line = String::new();
    BufReader::new(reader).read_line(&mut line).await?;
    let answer = match serde_json::from_str::<Ask>(&line) {
        Ok(ask) => handle(bot, &ask).await,
        Err(error) => Err(format!("the request cannot be read: {error}")),
    };
    let answer = answer.map_or_else(Answer::Wrong, Answer::Said);
    let mut line = serde_json::to_string(&answer)?;
    line.push('\n');
    writer.write_all(line.as_bytes()).await
}

async fn handle(bot: &Bot, ask: &Ask) -> Result<String, String> {
    if let Ask::Rollback { release } = ask {
        let line = release.map_or_else(|| "/rollback".to_owned(), |release| format!("/rollback {release}"));
        let key = random_word(bot.entropy.as_ref(), 12);
        return propose(&bot.engine, &bot.config, &line, Cause::Said, &key)
            .await
            .map(|()| "the room hears how it goes".to_owned());
    }
    let office = Office {
        ledger: &bot.ledger,
        keyring: bot.keyring.as_ref(),
        entropy: bot.entropy.as_ref(),
        site: &bot.config.site.url,
    };
    let done = decide(&office, ask)?;
    if let Some(draft) = draft(&done) {
        bot.engine.note_draft(draft).await.map_err(|error| error.0)?;
    }
    erase(bot.keyring.as_ref(), &done)?;
    Ok(done.said)
}

/// Lets the automation say a line in the first room. The same key is the same request.
pub async fn propose(
    engine: &Engine,
    config: &Config,
    line: &str,
    cause: Cause,
    key: &str,
) -> Result<(), String> {
    let web = SurfaceName::parse(WEB).map_err(|error| error.to_string())?;
    let place = Place::room(web, config.site.rooms.first().ok_or("there is no room")?.clone());
    let message = MessageId::parse(&format!("by-itself-{key}")).map_err(|error| error.to_string())?;
    let (principal, text) = (Principal::Automation, line.to_owned());
    let inbound = Inbound { place, principal, message, text, cause, said: None };
    engine.receive(inbound).await.map(|_| ()).map_err(|error| error.to_string())
}
