//! Visitors: browsers with one cookie each, and people who speak raw bytes.

use std::net::SocketAddr;

use bytes::Bytes;
use http::header::{COOKIE, HOST, SET_COOKIE};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::world::World;

/// A browser on one host, with our cookie if it was given one. Every request is on a kept connection.
pub struct Browser {
    host: String,
    address: SocketAddr,
    pub cookie: Option<String>,
    connection: Option<SendRequest<Full<Bytes>>>,
}

#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Browser {
    pub fn at(world: &World, host: &str) -> Self {
        Self { host: host.into(), address: world.address, cookie: None, connection: None }
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        self.ask(Request::get(path), "").await
    }

    /// Sends a form as a browser does from a page of the same origin.
    pub async fn submit(&mut self, path: &str, form: &str) -> Answer {
        let origin = format!("http://{}", self.host);
        self.ask(Request::post(path).header("origin", origin).header("sec-fetch-site", "same-origin"), form)
            .await
    }

    /// Opens a one-time link and presses the button on its page.
    pub async fn join(&mut self, token: &str) -> Answer {
        let path = format!("/.folkops/join/{token}");
        let page = self.get(&path).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        let proof = page.body.split("name=\"proof\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
        self.submit(&path, &format!("proof={}", proof.unwrap())).await
    }

    pub async fn ask(&mut self, request: http::request::Builder, body: &str) -> Answer {
        let answer = self.try_ask(request, body).await.unwrap();
        if let Some(cookie) = given(&answer.headers) {
            self.cookie = Some(cookie);
        }
        answer
    }

    pub async fn try_ask(
        &mut self,
        request: http::request::Builder,
        body: &str,
    ) -> Result<Answer, hyper::Error> {
        let mut request = request.body(Full::from(body.to_owned())).unwrap();
        request.headers_mut().entry(HOST).or_insert(self.host.parse().unwrap());
        if let Some(cookie) = &self.cookie {
            request.headers_mut().append(COOKIE, format!("folkops_visitor={cookie}").parse().unwrap());
        }
        let response = self.connection().await.send_request(request).await?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(body.into()).unwrap(),
        })
    }

    async fn connection(&mut self) -> &mut SendRequest<Full<Bytes>> {
        let usable = match &mut self.connection {
            Some(connection) => connection.ready().await.is_ok(),
            None => false,
        };
        if !usable {
            let stream = TcpStream::connect(self.address).await.unwrap();
            let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
            tokio::spawn(connection);
            self.connection = Some(sender);
        }
        self.connection.as_mut().unwrap()
    }
}

/// The value of our cookie where an answer sets it.
pub fn given(headers: &HeaderMap) -> Option<String> {
    let lines = headers.get_all(SET_COOKIE).iter().filter_map(|line| line.to_str().ok());
    let values = lines.filter_map(|line| line.strip_prefix("folkops_visitor=")?.split(';').next());
    values.map(str::to_owned).next()
}

/// Sends raw bytes and reads whatever comes until the router closes.
pub async fn raw(world: &World, bytes: &str) -> String {
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    stream.write_all(bytes.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A reset after the answer is as good as an end.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}
