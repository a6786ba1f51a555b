//! The layer as a handler uses it, on a fake host.

use sluice_plugin::testing::{with_config, FakeJob};
use sluice_plugin::{
    abi, job_type, plugin, Config, Failure, Field, Job, NewJob, Outcome, Plugin, Result,
};
use std::time::Duration;

struct State {
    greeting: String,
}

impl State {
    fn new(config: &Config) -> Result<State> {
        Ok(State {
            greeting: config.json().string_or("greeting", "Hello")?.into(),
        })
    }
    fn greet(&self, job: &Job) -> Result {
        let payload = job.payload()?;
        job.info(
            &self.greeting,
            &[Field::text("name", payload.string("name")?)],
        );
        Ok(Outcome::Done)
    }
}

plugin! {
    Plugin::new("test", "1.0.0"),
    state: State = State::new,
    job_type!(State::greet, "test.greet").max_attempts(5).at_most_once().timeout_ms(1500),
    job_type!(State::greet, "test.other"),
}

extern "C" {
    static sluice_plugin_v1: abi::Plugin;
}

#[test]
fn the_descriptor_is_a_constant_with_its_types() {
    let plugin = unsafe { &sluice_plugin_v1 };
    assert_eq!(
        (plugin.size as usize, plugin.abi_major),
        (std::mem::size_of::<abi::Plugin>(), 1)
    );
    assert_eq!(plugin.job_type_count, 2);
    let first = unsafe { &**plugin.job_types };
    assert_eq!(unsafe { first.name.bytes() }, b"test.greet");
    assert_eq!(
        (first.max_attempts, first.flags, first.timeout_us),
        (5, abi::AT_MOST_ONCE, 1_500_000)
    );
}

#[test]
fn a_handler_runs_with_its_state() {
    let state = with_config(r#"{"greeting": "Good morning"}"#, State::new).unwrap();
    let report = FakeJob::new(r#"{"name": "Ada"}"#).run(|job| state.greet(job));
    assert_eq!(report.result, abi::DONE);
    assert_eq!(report.logs, ["Good morning name=Ada"]);
}

#[test]
fn a_bad_payload_fails_permanently_and_a_bad_configuration_is_an_error() {
    let state = with_config("{}", State::new).unwrap();
    let report = FakeJob::new(r#"{"name": 1}"#).run(|job| state.greet(job));
    assert_eq!(
        (report.result, report.code.as_str()),
        (abi::FAIL, "bad-payload")
    );
    assert!(FakeJob::new("{")
        .run(|job| state.greet(job))
        .error
        .contains("invalid JSON"));
    assert!(with_config(r#"{"greeting": 1}"#, State::new).is_err());
}

#[test]
fn each_result_is_reported_with_its_details() {
    let job = FakeJob::new("{}");
    assert_eq!(job.run(|_| Ok(Outcome::Cancelled)).result, abi::CANCELLED);
    let snoozed = job.run(|_| Ok(Outcome::Snooze(Duration::from_secs(60))));
    assert_eq!(
        (snoozed.result, snoozed.delay_us),
        (abi::SNOOZE, Some(60_000_000))
    );
    let retried = job.run(|_| {
        Err(Failure::retry("busy")
            .code("smtp-421")
            .after(Duration::from_millis(1)))
    });
    assert_eq!(
        (retried.result, retried.delay_us, retried.code.as_str()),
        (abi::RETRY, Some(1000), "smtp-421")
    );
    let failed = job.run(|_| Err(Failure::fail("no such user")));
    assert_eq!(
        (failed.result, failed.error.as_str(), failed.delay_us),
        (abi::FAIL, "no such user", None)
    );
}

#[test]
fn an_error_passed_on_with_a_question_mark_is_retried() {
    let report = FakeJob::new("{}").run(|_| {
        "x".parse::<i32>()?;
        Ok(Outcome::Done)
    });
    assert_eq!(report.result, abi::RETRY);
    assert!(report.error.contains("invalid digit"), "{}", report.error);
}

#[test]
fn a_panic_is_retried_and_says_what_and_where() {
    let number = 42;
    let report = FakeJob::new("{}").run(|_| panic!("no {number}"));
    assert_eq!((report.result, report.code.as_str()), (abi::RETRY, "panic"));
    assert!(
        report.error.starts_with("panicked at ") && report.error.ends_with(": no 42"),
        "{}",
        report.error
    );
    assert!(report.error.contains("handlers.rs:"), "{}", report.error);
    let empty: Vec<u8> = Vec::new();
    let report = FakeJob::new("{}").run(|job| {
        Ok(Outcome::Snooze(Duration::from_secs(
            empty[job.slot() as usize].into(),
        )))
    });
    assert!(report.error.contains("out of bounds"), "{}", report.error);
    struct Odd;
    impl Drop for Odd {
        fn drop(&mut self) {
            panic!("again");
        }
    }
    let report = FakeJob::new("{}").run(|_| std::panic::panic_any(Odd));
    assert_eq!(report.result, abi::RETRY);
    assert_eq!(
        FakeJob::new("{}").run(|_| Ok(Outcome::Done)).result,
        abi::DONE
    );
}

#[test]
fn a_jobs_requests_reach_the_host() {
    let report = FakeJob::new("{}")
        .id("a")
        .attempt(3, 3)
        .cancelled()
        .run(|job| {
            assert!(job.last_attempt() && job.is_cancelled() && job.deadline().is_none());
            assert_eq!(
                (job.id(), job.idempotency_key(), job.job_type()),
                ("a".into(), "a".into(), "test.type".into())
            );
            std::thread::scope(|scope| {
                scope.spawn(|| job.progress(0.5, "half"));
            });
            job.output("{}");
            job.enqueue(NewJob {
                job_type: "email.send",
                payload: "{}",
                ..NewJob::default()
            })?;
            job.execute("INSERT INTO t VALUES ($1, $2)", &[Some("x"), None])?;
            Ok(Outcome::Done)
        });
    assert_eq!(report.progress, Some((0.5, "half".into())));
    assert_eq!(report.output.as_deref(), Some("{}"));
    assert_eq!(
        report.follow_ups,
        [("email.send".into(), "{}".into(), 0, String::new())]
    );
    assert_eq!(
        report.effects,
        [(
            "INSERT INTO t VALUES ($1, $2)".into(),
            vec![Some("x".into()), None]
        )]
    );
}

#[test]
fn an_unsupported_or_refused_request_fails_permanently() {
    let enqueue = |job: &Job, payload| {
        job.enqueue(NewJob {
            job_type: "email.send",
            payload,
            ..NewJob::default()
        })?;
        Ok(Outcome::Done)
    };
    assert_eq!(
        FakeJob::new("{}")
            .without_extensions()
            .run(|job| enqueue(job, "{}"))
            .code,
        "no-enqueue"
    );
    assert_eq!(
        FakeJob::new("{}").run(|job| enqueue(job, "{")).code,
        "bad-follow-up"
    );
    let execute = |job: &Job| {
        job.execute("", &[])?;
        Ok(Outcome::Done)
    };
    assert_eq!(
        FakeJob::new("{}").without_extensions().run(execute).code,
        "no-effects"
    );
    assert_eq!(FakeJob::new("{}").run(execute).code, "bad-effect");
}
