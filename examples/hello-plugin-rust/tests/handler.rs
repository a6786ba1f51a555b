//! Tests of the handler without a runtime, a database or a process.

use hello_rust_plugin::Handler;
use sluice_plugin::abi;
use sluice_plugin::testing::{with_config, FakeJob};

fn handler(config: &str) -> Handler {
    with_config(config, Handler::new)
        .unwrap_or_else(|refusal| panic!("the handler refuses to start: {}", refusal.message()))
}

#[test]
fn greets_the_person_of_the_example() {
    let handler = handler("{}");
    let report = FakeJob::new(include_str!("../example.json")).run(|job| handler.run(job));
    assert_eq!(report.result, abi::DONE, "{}", report.error);
    assert_eq!(report.logs, ["Hello name=Ada"]);
    assert_eq!(report.output.as_deref(), Some(r#"{"greeted": "Ada"}"#));
}

#[test]
fn greets_as_configured() {
    let handler = handler(r#"{"greeting": "Good morning"}"#);
    let report = FakeJob::new(r#"{"name": "Grace"}"#).run(|job| handler.run(job));
    assert_eq!(report.logs, ["Good morning name=Grace"]);
}

#[test]
fn fails_for_good_without_a_name() {
    let handler = handler("{}");
    let report = FakeJob::new(r#"{"name": 1}"#).run(|job| handler.run(job));
    assert_eq!(
        (report.result, report.code.as_str()),
        (abi::FAIL, "bad-payload")
    );
}

#[test]
fn stops_when_it_is_cancelled() {
    let handler = handler("{}");
    let report = FakeJob::new(r#"{"name": "Ada"}"#)
        .cancelled()
        .run(|job| handler.run(job));
    assert_eq!(report.result, abi::CANCELLED);
    assert!(report.logs.is_empty());
}
