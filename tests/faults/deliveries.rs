//! Deliveries that nobody at GitHub sent, or that are not what GitHub sends: none is accepted, and none does harm.

use std::fs;
use std::net::SocketAddr;

use axum::body::{Body, Bytes};
use axum::http::Request;
use folkops_world::{Hosted, signature};
use futures::stream::{self, StreamExt};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use serde_json::{Value, json};

use super::sweep::is_whole;

/// How much the program may grow by while it is sent 4 GiB; twice that when many do so at once.
const GROWTH_KIB: u64 = 30 * 1024;
/// So many are under way at once.
const AT_ONCE: usize = 8;
const PIECE: usize = 64 * 1024;

/// What is sent to the webhook's address.
#[derive(Clone, Default)]
struct Delivery {
    id: String,
    event: String,
    signature: String,
    body: Vec<u8>,
}

struct Sender {
    client: Client<HttpConnector, Body>,
    site: SocketAddr,
}

impl Sender {
    fn to(site: SocketAddr) -> Self {
        Self { client: Client::builder(TokioExecutor::new()).build_http(), site }
    }

    /// The status of the answer; nothing where the connection was closed in the sender's face.
    async fn sends(&self, delivery: Delivery) -> Option<u16> {
        self.streams(&delivery, Body::from(delivery.body.clone()), None).await
    }

    async fn streams(&self, delivery: &Delivery, body: Body, length: Option<u64>) -> Option<u16> {
        let mut request = Request::post(format!("http://{}/webhooks/github", self.site))
            .header("x-github-event", &delivery.event)
            .header("x-github-delivery", &delivery.id)
            .header("content-type", "application/json");
        if !delivery.signature.is_empty() {
            request = request.header("x-hub-signature-256", &delivery.signature);
        }
        if let Some(length) = length {
            request = request.header("content-length", length);
        }
        let answer = self.client.request(request.body(body).unwrap()).await.ok()?;
        Some(answer.status().as_u16())
    }
}

#[tokio::test]
async fn no_forged_altered_malformed_or_endless_delivery_is_accepted_or_does_harm() {
    let hosted = Hosted::start().await;
    let web = hosted.repository(41);
    hosted.github.opens(&web, 41, "mira");
    hosted.says("mira", 41, "/help");
    hosted.told(41, &["/deploy-preview"]).await;
    hosted.github.until_delivered().await;
    let sender = Sender::to(hosted.world.setup().site);
    let before = said(&hosted).await;

    let count = if is_whole() { 10_000 } else { 1_000 };
    let answers = all(&sender, (0..count).map(forged)).await;
    assert!(answers.iter().all(|status| matches!(status, Some(400 | 401))), "{answers:?}");

    let answers = all(&sender, (0..500).map(malformed)).await;
    assert!(answers.iter().all(|status| matches!(status, Some(202 | 422))), "{answers:?}");
    assert!(!hosted.world.logged().contains("panicked"), "{}", hosted.world.logged());

    let (one, many) = endless(&hosted, &sender).await;
    println!(
        "{count} forged, 500 malformed; 4 GiB: {one} KiB more at the peak, {AT_ONCE} at once: {many} KiB"
    );
    assert!(one < GROWTH_KIB && many < 2 * GROWTH_KIB, "{one} KiB, {many} KiB");
    assert_eq!(said(&hosted).await, before, "nobody said anything");

    // And it still listens to what GitHub sends.
    let asked = hosted.says("mira", 41, "/whoami");
    hosted.marked(41, asked, "+1").await;
}

/// How much was said on GitHub, by the record; what the program says by itself came by no delivery.
async fn said(hosted: &Hosted) -> usize {
    let journal = hosted.world.journal().await;
    let messages = journal.every("request-received");
    let came = messages.iter().filter_map(|record| record["body"]["message"].as_str());
    came.filter(|message| message.starts_with("gh-")).count()
}

async fn all(sender: &Sender, deliveries: impl Iterator<Item = Delivery>) -> Vec<Option<u16>> {
    stream::iter(deliveries).map(|delivery| sender.sends(delivery)).buffer_unordered(AT_ONCE).collect().await
}

/// A true delivery, were it signed with the right secret.
fn comment(id: u64) -> Value {
    json!({
        "action": "created",
        "repository": { "id": 1, "full_name": "potluck/web" },
        "issue": { "number": 41, "pull_request": { "url": "x" } },
        "comment": {
            "id": 900_000 + id, "body": "/deploy-preview", "user": { "id": 3, "login": "mira", "type": "User" },
            "created_at": "2026-11-21T11:00:00Z", "updated_at": "2026-11-21T11:00:00Z",
            "performed_via_github_app": null,
        },
        "sender": { "id": 3, "login": "mira", "type": "User" },
    })
}

fn signed(name: &str, id: u64, body: Vec<u8>) -> Delivery {
    let signature = signature(Hosted::SECRET, &body);
    Delivery { id: format!("{name}-{id}"), event: "issue_comment".into(), signature, body }
}

/// One of the ways in which a delivery is not GitHub's.
fn forged(id: u64) -> Delivery {
    let mut dice = Pcg64::seed_from_u64(id);
    let mut delivery = signed("forged", id, comment(id).to_string().into_bytes());
    let (at, bit) = (dice.random_range(0..delivery.body.len()), 1 << dice.random_range(0..7));
    match id % 8 {
        0 => delivery.body[at] ^= bit,
        1 => delivery.body.truncate(at),
        2 => delivery.body.push(b' '),
        3 => {
            let digit = dice.random_range(7..delivery.signature.len());
            let other = if delivery.signature.as_bytes()[digit] == b'0' { "1" } else { "0" };
            delivery.signature.replace_range(digit..=digit, other);
        }
        4 => delivery.signature = signature("a guess", &delivery.body),
        5 => delivery.signature = delivery.signature.replace("sha256=", "sha1="),
        6 => delivery.signature = String::new(),
        _ => delivery.signature = signature("", &delivery.body),
    }
    delivery
}

/// Signed as by GitHub, and yet not what GitHub sends: a part is missing, of another kind, or no JSON at all.
fn malformed(id: u64) -> Delivery {
    let mut dice = Pcg64::seed_from_u64(1_000_000 + id);
    let mut payload = comment(id);
    // What is spoiled must not be a command by chance.
    payload["comment"]["body"] = json!("nothing");
    let spoiled = [json!(null), json!(-1), json!([]), json!({}), json!("\u{0}"), json!(1e300), json!(true)];
    for _ in 0..dice.random_range(1..4) {
        spoil(&mut payload, &spoiled[dice.random_range(0..spoiled.len())], &mut dice);
    }
    let mut body = payload.to_string().into_bytes();
    match id % 5 {
        0 => body.truncate(dice.random_range(0..body.len())),
        1 => body.insert(dice.random_range(0..body.len()), 0xFF),
        2 => body = [b"[".repeat(dice.random_range(1..100_000)), body].concat(),
        _ => {}
    }
    let kinds = ["issue_comment", "pull_request_review", "pull_request_review_comment", "check_run", "push"];
    let event = kinds[dice.random_range(0..kinds.len())].to_owned();
    Delivery { event, ..signed("malformed", id, body) }
}

/// Puts something else into a place of the payload.
fn spoil(payload: &mut Value, with: &Value, dice: &mut Pcg64) {
    if let Value::Object(members) = payload
        && !members.is_empty()
        && dice.random_range(0..4) > 0
    {
        let at = dice.random_range(0..members.len());
        return members.values_mut().nth(at).map_or((), |member| spoil(member, with, dice));
    }
    *payload = with.clone();
}

/// Sends 4 GiB as one body and in pieces, then from many at once; by how many KiB the program's peak rose each time.
async fn endless(hosted: &Hosted, sender: &Sender) -> (u64, u64) {
    let bot = hosted.world.bot();
    let before = kib(bot, "VmRSS");
    fs::write(format!("/proc/{bot}/clear_refs"), "5").unwrap();
    let delivery = || signed("endless", 0, Vec::new());
    let endless = || {
        let piece = Bytes::from(vec![b'x'; PIECE]);
        Body::from_stream(stream::iter(
            (0..(4 << 30) / PIECE).map(move |_| Ok::<_, std::io::Error>(piece.clone())),
        ))
    };
    let told = sender.streams(&delivery(), endless(), Some(4 << 30)).await;
    assert!(matches!(told, None | Some(413)), "{told:?}");
    let told = sender.streams(&delivery(), endless(), None).await;
    assert!(matches!(told, None | Some(413)), "{told:?}");
    let one = kib(bot, "VmHWM").saturating_sub(before);
    let many = (0..AT_ONCE).map(|_| async { sender.streams(&delivery(), endless(), None).await });
    for told in futures::future::join_all(many).await {
        assert!(matches!(told, None | Some(413 | 503)), "{told:?}");
    }
    (one, kib(bot, "VmHWM").saturating_sub(before))
}

fn kib(process: u32, what: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(what)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
