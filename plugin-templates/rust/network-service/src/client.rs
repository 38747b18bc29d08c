//! Requests as they come in, and how they are sent: signed, paced, and again where that may help.

use crate::address::Address;
use crate::pacing::{self, Bucket, SECOND};
use crate::secrets::{base64, Credentials};
use lao_plugin::{Call, Config, Error, ErrorKind};
use serde_json::{json, Map, Value};
use std::time::{Duration, SystemTime};

const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
const SLICE_NS: i64 = 10_000_000; // how late a cancel is heard

/// Everything of the settings, as it was when the instance was made or last configured.
pub struct Client {
    base: Address,
    credentials: Credentials,
    max_attempts: i64,
    retry_delay_s: f64,
    retry_max_delay_s: f64,
    retry_unsafe: bool,
    timeout_s: f64,
    total_timeout_s: f64,
    requests_per_second: f64,
    bucket: Bucket,
}

/// {"method", "path" or "url", "query", "headers", "body", "dry_run"}
#[derive(Clone)]
pub struct Request {
    pub method: String,
    pub address: Address,
    pub dry_run: bool,
    headers: Vec<(String, String)>, // names in lower case
    body: Option<String>,           // JSON
}

/// What came back.
pub struct Answer {
    pub status: i64,
    /// That answered in the end, as it may be shown.
    pub address: String,
    /// By name in lower case.
    pub headers: Map<String, Value>,
    pub attempts: i64,
    content: Vec<u8>,
}

/// Parses JSON; the reason says where it is none.
pub fn parse_json(bytes: &[u8]) -> Result<Value, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "not JSON: it is not UTF-8".to_string())?;
    serde_json::from_str(text).map_err(|wrong| {
        let said = wrong.to_string();
        let reason = said.split(" at line ").next().unwrap_or("");
        format!("not JSON at line {} column {}: {reason}", wrong.line(), wrong.column())
    })
}

impl Request {
    /// Reads the input of a capability.
    pub fn read(document: &str, client: &Client) -> Result<Request, Error> {
        let Value::Object(input) = parse_json(document.as_bytes()).map_err(Error::invalid_input)? else {
            return Err(Error::invalid_input("the input must be an object with `path` or `url`"));
        };
        let (mut method, mut headers, mut body, mut dry_run) = ("GET".to_string(), Vec::new(), None, false);
        for (name, value) in &input {
            match name.as_str() {
                "method" => {
                    method = text_of(value, "method")?.to_ascii_uppercase();
                    if !METHODS.contains(&method.as_str()) {
                        return Err(Error::invalid_input(format!("`method` must be one of {}", METHODS.join(", "))));
                    }
                }
                "path" | "url" | "query" => {}
                "headers" => headers = client.read_headers(value)?,
                "body" => body = Some(value.to_string()),
                "dry_run" => {
                    let truth = value.as_bool();
                    dry_run = truth.ok_or_else(|| Error::invalid_input("`dry_run` must be true or false"))?;
                }
                other => {
                    return Err(Error::invalid_input(format!(
                        "there is no `{other}`: the input has method, path or url, query, headers, body, dry_run"
                    )));
                }
            }
        }
        let mut address = match (input.get("path"), input.get("url")) {
            (Some(path), None) => client.base.below(text_of(path, "path")?)?,
            (None, Some(url)) => Address::parse(text_of(url, "url")?, "url")?,
            _ => return Err(Error::invalid_input("the input must have `path` or `url`, and not both")),
        };
        match input.get("query") {
            None => {}
            Some(Value::Object(query)) => add_query(&mut address, query)?,
            Some(_) => return Err(Error::invalid_input("`query` must be an object")),
        }
        if body.is_some() && (method == "GET" || method == "HEAD") {
            return Err(Error::invalid_input(format!("`body` cannot be sent with {method}")));
        }
        Ok(Request { method, address, dry_run, headers, body })
    }
}

fn text_of<'a>(value: &'a Value, name: &str) -> Result<&'a str, Error> {
    value.as_str().ok_or_else(|| Error::invalid_input(format!("`{name}` must be a text")))
}

fn add_query(address: &mut Address, query: &Map<String, Value>) -> Result<(), Error> {
    let plain = |name: &str, value: &Value| match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(truth) => Ok(truth.to_string()),
        _ => Err(Error::invalid_input(format!(
            "`query.{name}` must be a text, a number, true or false, or a list of these"
        ))),
    };
    for (name, value) in query {
        match value {
            Value::Null => {}
            Value::Array(items) => {
                for item in items {
                    address.add(name, &plain(name, item)?);
                }
            }
            one => address.add(name, &plain(name, one)?),
        }
    }
    Ok(())
}

impl Answer {
    /// A header, empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(Value::as_str).unwrap_or("")
    }

    /// The content as JSON, where it claims to be, or looks like it; as a text; or in base64. With its type.
    pub fn body(&self) -> Result<(Value, &'static str), Error> {
        if self.content.is_empty() {
            return Ok((Value::Null, "none"));
        }
        let media_type = self.header("content-type").split(';').next().unwrap_or("").to_ascii_lowercase();
        let claims_json = media_type.contains("json");
        let first = self.content.iter().find(|byte| !byte.is_ascii_whitespace());
        let looks_json = media_type.is_empty() && matches!(first, Some(b'{' | b'['));
        if claims_json || looks_json {
            match parse_json(&self.content) {
                Ok(value) => return Ok((value, "json")),
                Err(wrong) if claims_json => {
                    return Err(Error::failed(format!("the answer of `{}` is {wrong}", self.address)));
                }
                Err(_) => {}
            }
        }
        Ok(match as_text(&self.content) {
            Some(text) => (text.into(), "text"),
            None => (base64(&self.content).into(), "base64"),
        })
    }

    /// An error for a status of 400 or more.
    pub fn check(&self, request: &Request) -> Result<(), Error> {
        if self.status < 400 {
            return Ok(());
        }
        let mut said = format!("{} `{}` answered {}", request.method, self.address, self.status);
        if self.attempts > 1 {
            said += &format!(" at attempt {}", self.attempts);
        }
        if !self.header("retry-after").is_empty() {
            said += &format!(", and to come back after {}", self.header("retry-after"));
        }
        let excerpt = excerpt(&self.content);
        if !excerpt.is_empty() {
            said += &format!(": {excerpt}");
        }
        Err(Error::failed(said))
    }
}

fn as_text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}

/// What a server says of an error, short enough for one line.
fn excerpt(content: &[u8]) -> String {
    const MOST: usize = 200;
    let mut line = String::new();
    for character in as_text(content).unwrap_or("").chars() {
        if line.len() >= MOST {
            return line + "...";
        }
        if !character.is_ascii_control() {
            line.push(character);
        } else if !line.is_empty() && !line.ends_with(' ') {
            line.push(' ');
        }
    }
    line
}

fn nanoseconds(seconds: f64) -> i64 {
    (seconds * SECOND as f64) as i64
}

/// Waits until then, and hears when the caller gives up.
fn wait_until(when_ns: i64, call: &Call) -> Result<(), Error> {
    loop {
        call.check_cancelled()?;
        let left_ns = when_ns - call.host().now_ns();
        if left_ns <= 0 {
            return Ok(());
        }
        std::thread::sleep(Duration::from_nanos(left_ns.min(SLICE_NS) as u64));
    }
}

impl Client {
    /// From the settings.
    pub fn new(config: &Config) -> Result<Client, Error> {
        let base = Address::parse(&config.get::<String>("base_url"), "base_url");
        let base = base.map_err(|refusal| Error::invalid_config(refusal.text()))?;
        if !base.query.is_empty() {
            return Err(Error::invalid_config("`base_url` must not have a query"));
        }
        let requests_per_second = config.get("requests_per_second");
        Ok(Client {
            base,
            credentials: Credentials::new(config)?,
            max_attempts: config.get("max_attempts"),
            retry_delay_s: config.get("retry_delay_s"),
            retry_max_delay_s: config.get("retry_max_delay_s"),
            retry_unsafe: config.get("retry_unsafe"),
            timeout_s: config.get("timeout_s"),
            total_timeout_s: config.get("total_timeout_s"),
            requests_per_second,
            bucket: Bucket::new(requests_per_second, config.get("burst")),
        })
    }

    /// When a call has to be done with everything, on the host's clock.
    pub fn end_of(&self, call: &Call) -> i64 {
        call.deadline_ns().min(call.host().now_ns() + nanoseconds(self.total_timeout_s))
    }

    /// Sends it, again where that may help, until `until_ns`. The last answer, whatever its status.
    pub fn send(&self, request: &Request, call: &Call, until_ns: i64) -> Result<Answer, Error> {
        let may_repeat = self.retry_unsafe || pacing::is_idempotent(&request.method);
        let most = if may_repeat { self.max_attempts } else { 1 };
        let what = format!("{} `{}`", request.method, self.credentials.without(&request.address.shown()));
        let mut attempt = 1;
        loop {
            let turn_ns = self.bucket.take(call.host().now_ns(), until_ns).ok_or_else(|| {
                let rate = self.requests_per_second;
                let said = format!("no time is left for {what}: `requests_per_second` is {rate}");
                Error::new(ErrorKind::TimedOut, said)
            })?;
            wait_until(turn_ns, call)?;
            let mut asked_s = None;
            let result = match self.send_once(request, call, until_ns, attempt) {
                Ok(answer) if !pacing::is_passing(answer.status) => return Ok(answer),
                Ok(answer) => {
                    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs() as i64;
                    asked_s = pacing::retry_after_s(answer.header("retry-after"), answer.header("date"), now);
                    Ok(answer)
                }
                Err(error) => {
                    call.check_cancelled()?;
                    let mut said = self.credentials.without(error.text());
                    if attempt > 1 {
                        said += &format!(" (attempt {attempt})");
                    }
                    let failure = Error::new(error.kind(), said);
                    if !matches!(failure.kind(), ErrorKind::Failed | ErrorKind::TimedOut) {
                        return Err(failure);
                    }
                    Err(failure)
                }
            };
            let now_ns = call.host().now_ns();
            let random = pacing::chance(now_ns);
            let pause_ns = match asked_s {
                Some(seconds) => nanoseconds(seconds + 0.1 * self.retry_delay_s * random),
                None => pacing::back_off_ns(attempt, self.retry_delay_s, self.retry_max_delay_s, random),
            };
            if attempt >= most || now_ns > until_ns || pause_ns > until_ns - now_ns {
                return result;
            }
            attempt += 1;
            let pause_s = pause_ns as f64 / SECOND as f64;
            let reason = match &result {
                Ok(answer) => format!("status {}", answer.status),
                Err(failure) => failure.text().to_string(),
            };
            call.host().info(&format!("{what}: {reason}; attempt {attempt} in {pause_s:.1} s"));
            call.progress(-1.0, &format!("waiting {pause_s:.1} s to try again"));
            wait_until(now_ns + pause_ns, call)?;
        }
    }

    /// What would be sent, without what is secret.
    pub fn preview(&self, request: &Request) -> Result<Value, Error> {
        let mut question = self.question(request, true);
        question["body"] = match &request.body {
            Some(body) => parse_json(body.as_bytes()).map_err(Error::failed)?,
            None => Value::Null,
        };
        question["dry_run"] = true.into();
        let clean = self.credentials.without(&question.to_string());
        parse_json(clean.as_bytes()).map_err(Error::failed)
    }

    fn is_signed(&self, request: &Request) -> bool {
        request.address.origin == self.base.origin
    }

    fn read_headers(&self, value: &Value) -> Result<Vec<(String, String)>, Error> {
        let Value::Object(members) = value else {
            return Err(Error::invalid_input("`headers` must be an object of texts"));
        };
        let own = self.credentials.header().map(|(name, _)| name);
        let mut headers = Vec::new();
        for (name, content) in members {
            let lower = name.to_ascii_lowercase();
            if own == Some(lower.as_str()) {
                return Err(Error::invalid_input(format!("the header `{name}` is set by the settings")));
            }
            headers.push((lower, text_of(content, "headers")?.to_string()));
        }
        Ok(headers)
    }

    fn question(&self, request: &Request, is_shown: bool) -> Value {
        let mut address = request.address.clone();
        if self.is_signed(request) {
            self.credentials.sign(&mut address);
        }
        let mut headers = Map::new();
        for (name, value) in &request.headers {
            headers.insert(name.clone(), value.as_str().into());
        }
        headers.entry("accept").or_insert_with(|| "application/json, */*;q=0.5".into());
        if request.body.is_some() {
            headers.entry("content-type").or_insert_with(|| "application/json".into());
        }
        let mut question = json!({ "method": request.method, "url": address.text() });
        if let Some((name, value)) = self.credentials.header().filter(|_| self.is_signed(request)) {
            headers.insert(name.into(), if is_shown { "***" } else { value }.into());
            if !is_shown {
                // The host does not carry it to another origin: it cannot know by its name that it is a secret.
                question["secret_headers"] = json!([name]);
            }
        }
        question["headers"] = headers.into();
        question
    }

    fn send_once(&self, request: &Request, call: &Call, until_ns: i64, attempt: i64) -> Result<Answer, Error> {
        let left_s = (until_ns - call.host().now_ns()) as f64 / SECOND as f64;
        let mut question = self.question(request, false);
        question["timeout_s"] = self.timeout_s.min(left_s).max(0.001).into();
        let got = call.host().fetch(&question.to_string(), request.body.as_deref().map(str::as_bytes))?;
        let head = parse_json(self.credentials.without(&got.head).as_bytes()).map_err(Error::failed)?;
        Ok(Answer {
            status: head["status"].as_i64().unwrap_or(0),
            address: head["url"].as_str().map_or_else(|| request.address.shown(), String::from),
            headers: head["headers"].as_object().cloned().unwrap_or_default(),
            content: self.credentials.without_in(got.body),
            attempts: attempt,
        })
    }
}
