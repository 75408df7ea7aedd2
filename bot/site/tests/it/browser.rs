//! A browser, as far as these tests need one.

use std::sync::atomic::{AtomicU64, Ordering};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::HeaderMap;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// One browser.
#[derive(Clone)]
pub struct Browser {
    pub host: String,
    pub port: u16,
    pub cookie: Option<String>,
    /// The cookie of a sign-in that is under way.
    pub sign_in: Option<String>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl Browser {
    pub async fn send(&self, request: Request<Full<Bytes>>) -> Response<Incoming> {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        sender.send_request(request).await.unwrap()
    }

    pub fn request(&self, method: &str, path: &str) -> hyper::http::request::Builder {
        let request = Request::builder().method(method).uri(path).header("host", &self.host);
        let session = self.cookie.iter().map(|value| format!("; folkops_session={value}"));
        let sign_in = self.sign_in.iter().map(|value| format!("; folkops_sign_in={value}"));
        let cookies: String = session.chain(sign_in).collect();
        request.header("cookie", format!("theme=dark{cookies}"))
    }

    pub async fn get(&self, path: &str) -> Answer {
        answer(self.send(self.request("GET", path).body(Full::default()).unwrap()).await).await
    }

    /// Sends a form as our own page would.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let request = self.form(path, fields).header("origin", format!("http://{}", self.host));
        answer(self.send(request.body(body(fields)).unwrap()).await).await
    }

    pub fn form(&self, path: &str, _fields: &[(&str, &str)]) -> hyper::http::request::Builder {
        self.request("POST", path).header("content-type", "application/x-www-form-urlencoded")
    }

    /// The proof that this session's forms carry.
    pub async fn csrf(&self) -> String {
        let page = self.get("/room/kitchen").await.body;
        let after = page.split("id=\"composer\"").nth(1).expect("a composer");
        after.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
    }

    /// Says a line with a key of its own, as the page's script does.
    pub async fn says(&self, text: &str) -> Answer {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let key = format!("testkey{}", NEXT.fetch_add(1, Ordering::SeqCst) + 10);
        let csrf = self.csrf().await;
        self.says_json(&[("text", text), ("key", &key), ("csrf", &csrf)]).await
    }

    pub async fn says_json(&self, fields: &[(&str, &str)]) -> Answer {
        let request = self.form("/room/kitchen/say", fields).header("sec-fetch-site", "same-origin");
        let request = request.header("accept", "application/json").body(body(fields)).unwrap();
        answer(self.send(request).await).await
    }
}

pub async fn answer(response: Response<Incoming>) -> Answer {
    let (parts, body) = response.into_parts();
    let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    Answer { status: parts.status.as_u16(), headers: parts.headers, body }
}

pub fn body(fields: &[(&str, &str)]) -> Full<Bytes> {
    let escape = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    let pairs: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", escape(value))).collect();
    Full::new(Bytes::from(pairs.join("&")))
}
