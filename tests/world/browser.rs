//! A browser of somebody's: it keeps cookies host by host, says where a form came from, and follows nothing by itself.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;

use crate::http::{Answer, Ask, ask, form};

/// A browser that speaks to one address of this machine.
#[derive(Debug, Clone)]
pub struct Browser {
    address: SocketAddr,
    /// Host, then name, then value.
    jar: BTreeMap<String, BTreeMap<String, String>>,
}

impl Browser {
    /// A fresh browser for whatever listens there.
    pub fn new(address: SocketAddr) -> Self {
        Self { address, jar: BTreeMap::new() }
    }

    /// Opens a page. The host is without its port.
    ///
    /// # Panics
    /// If there is no whole answer.
    pub async fn opens(&mut self, host: &str, path: &str) -> Answer {
        self.tries(host, path).await.unwrap_or_else(|error| panic!("{host}{path}: {error}"))
    }

    /// Opens a page, or tells that there was no whole answer.
    ///
    /// # Errors
    /// Whatever the connection died of.
    pub async fn tries(&mut self, host: &str, path: &str) -> io::Result<Answer> {
        self.asks(host, Ask { method: "GET", path, ..Ask::default() }).await
    }

    /// Sends a form from a page of the same host.
    ///
    /// # Panics
    /// If there is no whole answer.
    pub async fn sends(&mut self, host: &str, path: &str, form: String) -> Answer {
        self.sends_for(host, path, form, "text/html")
            .await
            .unwrap_or_else(|error| panic!("{host}{path}: {error}"))
    }

    /// Sends a form's fields as a page's script does, or tells that there was no whole answer.
    ///
    /// # Errors
    /// Whatever the connection died of.
    pub async fn tries_sending(
        &mut self,
        host: &str,
        path: &str,
        fields: &[(&str, &str)],
    ) -> io::Result<Answer> {
        self.sends_for(host, path, form(fields), "application/json").await
    }

    pub(crate) async fn sends_for(
        &mut self,
        host: &str,
        path: &str,
        form: String,
        accept: &str,
    ) -> io::Result<Answer> {
        let origin = format!("http://{host}:{}", self.address.port());
        let headers = vec![("origin", origin), ("accept", accept.to_owned())];
        self.asks(host, Ask { method: "POST", path, headers, form: Some(form), ..Ask::default() }).await
    }

    async fn asks(&mut self, host: &str, mut request: Ask<'_>) -> io::Result<Answer> {
        let with_port = format!("{host}:{}", self.address.port());
        request.headers.extend(self.cookies(host).map(|cookies| ("cookie", cookies)));
        let answer = ask(self.address, &Ask { host: &with_port, ..request }).await?;
        for cookie in answer.all("set-cookie") {
            let (name, value) =
                cookie.split(';').next().unwrap_or_default().split_once('=').unwrap_or_default();
            self.jar.entry(host.to_owned()).or_default().insert(name.to_owned(), value.to_owned());
        }
        Ok(answer)
    }

    fn cookies(&self, host: &str) -> Option<String> {
        let pairs = self.jar.get(host)?.iter().map(|(name, value)| format!("{name}={value}"));
        Some(pairs.collect::<Vec<_>>().join("; "))
    }
}
