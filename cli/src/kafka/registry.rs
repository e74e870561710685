//! A schema registry with Confluent's REST interface: Confluent's own, Apicurio's (`/apis/ccompat/v7`), Karapace.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use reqwest::blocking::{Client, Response};
use serde_json::{Value, json};

use crate::say::say;

/// A question that takes longer than that is given up.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// A process that starts waits for its registry so long, asking again after each pause.
const THERE_WITHIN: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(250);
/// A registry that says so long that it knows no schema of an id does not know it; before, it may be one of several that
/// has not heard of it yet.
const HEARD_WITHIN: Duration = Duration::from_secs(60);
/// What Confluent's interface answers about a subject, and a schema, that is not there. Another answer of 404 is no word on
/// either: a proxy's, or one of a path that is not the interface's.
const SUBJECT_NOT_FOUND: u64 = 40401;
const SCHEMA_NOT_FOUND: u64 = 40403;

/// Which changes of a schema a registry lets through. Both look at all versions, not at the last one alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compatibility {
    /// New readers read what old writers wrote: stages are upgraded from the end of the line.
    BackwardTransitive,
    /// And old readers read what new writers write: nobody outside has to follow an upgrade.
    FullTransitive,
}

impl Compatibility {
    pub fn as_str(self) -> &'static str {
        match self {
            Compatibility::BackwardTransitive => "BACKWARD_TRANSITIVE",
            Compatibility::FullTransitive => "FULL_TRANSITIVE",
        }
    }
}

/// Why a registry does not give what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// May pass by itself.
    #[error("schema registry {url} does not answer as it should: {why}")]
    Unavailable { url: String, why: String },
    /// It knows no schema of this id, which another of several registries may have.
    #[error(
        "schema registry {url} knows no schema {id} since {since} s, which may be late; it is believed after {within} s"
    )]
    Unheard { url: String, id: u32, since: u64, within: u64 },
    /// It has said so for as long as another of several registries may need to hear of it.
    #[error("schema registry {url} knows no schema {id}")]
    Unknown { url: String, id: u32 },
    #[error("schema of subject {subject} is not {level} with what is registered: {why}")]
    Incompatible { subject: String, level: &'static str, why: String },
    #[error("schema registry {url} refuses: {why}")]
    Refused { url: String, why: String },
}

/// Asks a registry.
pub struct Registry {
    /// Without the credentials that may stand in it.
    shown: String,
    base: String,
    client: Client,
    /// Subjects whose level was looked at.
    looked_at: Mutex<BTreeSet<String>>,
    /// Since when it says of an id that it knows no schema of it.
    unheard: Mutex<BTreeMap<u32, Instant>>,
    heard_within: Duration,
}

impl Registry {
    /// `url` is where the interface starts: `http://HOST:PORT`, for Apicurio with `/apis/ccompat/v7` behind it. A user
    /// and password may stand in front of the host. Nothing is asked yet.
    pub fn new(url: &str) -> Result<Registry, RegistryError> {
        let refused = |why: String| RegistryError::Refused { url: url.to_owned(), why };
        let mut shown = reqwest::Url::parse(url).map_err(|error| refused(error.to_string()))?;
        if shown.scheme() != "http" {
            return Err(refused("this build speaks http:// alone; let a proxy beside it do TLS".to_owned()));
        }
        if shown.set_username("").and_then(|()| shown.set_password(None)).is_err() {
            return Err(refused("it names no host".to_owned()));
        }
        let client = Client::builder().timeout(ANSWER_WITHIN).no_proxy().build();
        Ok(Registry {
            shown: shown.as_str().trim_end_matches('/').to_owned(),
            base: url.trim_end_matches('/').to_owned(),
            client: client.map_err(|error| refused(error.to_string()))?,
            looked_at: Mutex::default(),
            unheard: Mutex::default(),
            heard_within: HEARD_WITHIN,
        })
    }

    /// The schema of an id, as JSON.
    ///
    /// # Errors
    /// The registry does not answer, or not to the question: that may pass. It knows no schema of this id: that may pass
    /// within a minute of the first time that it said so, and lasts behind that.
    pub fn schema(&self, id: u32) -> Result<String, RegistryError> {
        let (status, answer) = self.ask(self.client.get(format!("{}/schemas/ids/{id}", self.base)).send())?;
        if status != StatusCode::NOT_FOUND {
            self.unheard().remove(&id);
            return Ok(self.text(status, &answer, "schema")?.to_owned());
        }
        if answer["error_code"] != SCHEMA_NOT_FOUND {
            return Err(self.no_word(status, &answer));
        }
        let url = self.shown.clone();
        let since = self.unheard().entry(id).or_insert_with(Instant::now).elapsed();
        if since >= self.heard_within {
            return Err(RegistryError::Unknown { url, id });
        }
        Err(RegistryError::Unheard { url, id, since: since.as_secs(), within: self.heard_within.as_secs() })
    }

    fn unheard(&self) -> std::sync::MutexGuard<'_, BTreeMap<u32, Instant>> {
        self.unheard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The id of a schema under a subject. One that is not there yet is registered, when all that were registered
    /// before allow it. Of one that is there it is said once where the subject has another level than this.
    pub fn id(&self, subject: &str, schema: &str, level: Compatibility) -> Result<u32, RegistryError> {
        let deadline = Instant::now() + THERE_WITHIN;
        loop {
            let found = self.found(subject, schema).inspect(|found| {
                if found.is_some() {
                    self.look_at_level(subject, level);
                }
            });
            match found.transpose().unwrap_or_else(|| self.register(subject, schema, level.as_str())) {
                Err(RegistryError::Unavailable { .. }) if Instant::now() < deadline => std::thread::sleep(PAUSE),
                answer => return answer,
            }
        }
    }

    /// The id of a schema that the subject has already.
    fn found(&self, subject: &str, schema: &str) -> Result<Option<u32>, RegistryError> {
        let (status, answer) = self.post(&format!("subjects/{subject}"), &json!({"schema": schema}))?;
        if status != StatusCode::NOT_FOUND {
            return self.number(status, &answer).map(Some);
        }
        let code = &answer["error_code"];
        if *code == SUBJECT_NOT_FOUND || *code == SCHEMA_NOT_FOUND {
            Ok(None)
        } else {
            Err(self.no_word(status, &answer))
        }
    }

    /// A registry that does not tell the level is believed to have the right one.
    fn look_at_level(&self, subject: &str, wanted: Compatibility) {
        if !self.looked_at.lock().unwrap_or_else(PoisonError::into_inner).insert(subject.to_owned()) {
            return;
        }
        let get = self.client.get(format!("{}/config/{subject}?defaultToGlobal=true", self.base));
        let Ok((_, answer)) = self.ask(get.send()) else { return };
        let level = answer["compatibilityLevel"].as_str().filter(|level| *level != wanted.as_str());
        if let Some(level) = level {
            say!("warning: schema registry holds subject {subject} to {level}, not {}", wanted.as_str());
        }
    }

    fn register(&self, subject: &str, schema: &str, level: &'static str) -> Result<u32, RegistryError> {
        let compatibility = json!({"compatibility": level});
        let put = self.client.put(format!("{}/config/{subject}", self.base)).header("content-type", JSON);
        let (status, answer) = self.ask(put.body(compatibility.to_string()).send())?;
        // All processes start at once, and another one is setting the same level.
        if status != StatusCode::CONFLICT {
            self.check(status, &answer)?;
        }
        let body = json!({"schema": schema});
        let versions = format!("compatibility/subjects/{subject}/versions?verbose=true");
        let (status, answer) = self.post(&versions, &body)?;
        if status != StatusCode::NOT_FOUND {
            self.check(status, &answer)?;
            if answer["is_compatible"] != true {
                let why = [&answer["messages"], &answer["reason"]].into_iter().find(|why| !why.is_null());
                let why = why.unwrap_or(&Value::Null).to_string();
                return Err(RegistryError::Incompatible { subject: subject.to_owned(), level, why });
            }
        }
        let (status, answer) = self.post(&format!("subjects/{subject}/versions"), &body)?;
        if status != StatusCode::CONFLICT {
            return self.number(status, &answer);
        }
        let why = answer["message"].to_string();
        let incompatible = || RegistryError::Incompatible { subject: subject.to_owned(), level, why };
        self.found(subject, schema)?.ok_or_else(incompatible)
    }

    fn post(&self, path: &str, body: &Value) -> Result<(StatusCode, Value), RegistryError> {
        let post = self.client.post(format!("{}/{path}", self.base)).header("content-type", JSON);
        self.ask(post.body(body.to_string()).send())
    }

    /// What came back, be it an error of the one who asks.
    fn ask(&self, answer: reqwest::Result<Response>) -> Result<(StatusCode, Value), RegistryError> {
        let unavailable = |why: String| RegistryError::Unavailable { url: self.shown.clone(), why };
        let answer = answer.map_err(|error| unavailable(told(&error.without_url())))?;
        let status = answer.status();
        let text = answer.text().map_err(|error| unavailable(told(&error.without_url())))?;
        if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            return Err(unavailable(format!("{status}: {text}")));
        }
        Ok((status, serde_json::from_str(&text).unwrap_or(Value::String(text))))
    }

    fn no_word(&self, status: StatusCode, answer: &Value) -> RegistryError {
        let why = format!("{status} is no word on the schema: {answer}");
        RegistryError::Unavailable { url: self.shown.clone(), why }
    }

    fn check(&self, status: StatusCode, answer: &Value) -> Result<(), RegistryError> {
        if status.is_success() {
            return Ok(());
        }
        Err(RegistryError::Refused { url: self.shown.clone(), why: format!("{status}: {answer}") })
    }

    fn text<'a>(&self, status: StatusCode, answer: &'a Value, field: &str) -> Result<&'a str, RegistryError> {
        self.check(status, answer)?;
        answer[field].as_str().ok_or_else(|| self.odd(answer))
    }

    fn number(&self, status: StatusCode, answer: &Value) -> Result<u32, RegistryError> {
        self.check(status, answer)?;
        let id = answer["id"].as_u64().and_then(|id| u32::try_from(id).ok());
        id.ok_or_else(|| self.odd(answer))
    }

    fn odd(&self, answer: &Value) -> RegistryError {
        RegistryError::Refused { url: self.shown.clone(), why: format!("answer is none that is known: {answer}") }
    }
}

const JSON: &str = "application/vnd.schemaregistry.v1+json";

/// An error of the client with what is behind it; it tells the cause only there.
fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(&format!(": {error}"));
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;

    use super::*;

    /// A registry that gives these answers, one a connection, the last of them again and again.
    fn registry(answers: &[(u16, &str)], heard_within: Duration) -> Registry {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let registry = Registry::new(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let answers: Vec<(u16, String)> = answers.iter().map(|(status, body)| (*status, (*body).to_owned())).collect();
        std::thread::spawn(move || {
            for (place, stream) in listener.incoming().enumerate() {
                let (mut stream, (status, body)) = (stream.unwrap(), &answers[place.min(answers.len() - 1)]);
                let asked = BufReader::new(stream.try_clone().unwrap()).lines();
                let _asked: Vec<String> = asked.map(Result::unwrap).take_while(|line| !line.is_empty()).collect();
                let head =
                    format!("HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
                stream.write_all((head + body).as_bytes()).unwrap();
            }
        });
        Registry { heard_within, ..registry }
    }

    const UNKNOWN: (u16, &str) = (404, r#"{"error_code": 40403, "message": "Schema not found"}"#);

    #[test]
    fn an_answer_that_is_no_word_on_the_schema_is_an_outage_however_long() {
        for answer in [
            (404, r#"{"error_code": 40401, "message": "Subject not found."}"#),
            (404, "<html>404 page not found</html>"),
            (404, ""),
            (404, r#"{"error_code": "40403"}"#),
            (502, r#"{"error_code": 40403}"#),
            (429, ""),
        ] {
            let registry = registry(&[answer], Duration::ZERO);
            for _ in 0..2 {
                let told = registry.schema(7).unwrap_err();
                assert!(matches!(told, RegistryError::Unavailable { .. }), "{answer:?}: {told}");
            }
        }
    }

    #[test]
    fn a_schema_that_is_not_known_is_waited_for_and_not_for_ever() {
        let waiting = registry(&[UNKNOWN, UNKNOWN, (200, r#"{"schema": "\"int\""}"#)], HEARD_WITHIN);
        for _ in 0..2 {
            let told = waiting.schema(7).unwrap_err();
            assert!(matches!(told, RegistryError::Unheard { id: 7, since: 0, within: 60, .. }), "{told}");
        }
        assert_eq!(waiting.schema(7).unwrap(), "\"int\"");
        let tired = registry(&[UNKNOWN], Duration::from_millis(50));
        assert!(matches!(tired.schema(7), Err(RegistryError::Unheard { .. })));
        std::thread::sleep(Duration::from_millis(50));
        assert!(matches!(tired.schema(7), Err(RegistryError::Unknown { id: 7, .. })));
        assert!(matches!(tired.schema(8), Err(RegistryError::Unheard { .. })), "each id has its own time");
    }
}
