//! The functions between the host and a handler. They catch panics, which would otherwise end the process.

use crate::abi;
use crate::config::Config;
use crate::job::Job;
use crate::result::{Failure, Outcome, Result};
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Once;

#[cfg(panic = "abort")]
compile_error!(
    "a panic must become a retry: remove panic = \"abort\" from the profile in Cargo.toml"
);

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
    static PLACE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// The hook records where a panic began, because a caught panic does not contain its place. Panics outside of a
/// guarded call, in threads that the plugin started, go to the previous hook.
fn note_places_of_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if GUARDED.with(Cell::get) {
                let place = info
                    .location()
                    .map(|at| format!(" at {}:{}", at.file(), at.line()));
                PLACE.with(|kept| *kept.borrow_mut() = place.unwrap_or_default());
            } else {
                before(info);
            }
        }));
    });
}

fn words(panic: &(dyn Any + Send)) -> String {
    let message = match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (_, Some(text)) => text.as_str(),
        _ => "a panic without a message",
    };
    format!("panicked{}: {message}", PLACE.with(|kept| kept.take()))
}

/// The result of `call`, or the description of its panic.
fn guarded<T>(call: impl FnOnce() -> T) -> std::result::Result<T, String> {
    note_places_of_panics();
    GUARDED.with(|guarded| guarded.set(true));
    let result = catch_unwind(AssertUnwindSafe(call));
    GUARDED.with(|guarded| guarded.set(false));
    result.map_err(|panic| {
        let words = words(&*panic);
        // The payload of a panic may itself panic when it is dropped. That panic is ignored.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(panic)));
        words
    })
}

fn tell(job: &Job, result: Result) -> i32 {
    match result {
        Ok(Outcome::Done) => abi::DONE,
        Ok(Outcome::Cancelled) => abi::CANCELLED,
        Ok(Outcome::Snooze(delay)) => {
            job.set_delay(delay);
            abi::SNOOZE
        }
        Err(failure) => {
            job.set_error(&failure.code, &failure.message);
            if let Some(delay) = failure.delay {
                job.set_delay(delay);
            }
            if failure.permanent {
                abi::FAIL
            } else {
                abi::RETRY
            }
        }
    }
}

/// Runs `handler` and reports the result to the host.
pub fn run(job: &Job, handler: impl FnOnce(&Job) -> Result) -> i32 {
    let result =
        guarded(|| handler(job)).unwrap_or_else(|words| Err(Failure::retry(words).code("panic")));
    tell(job, result)
}

/// # Safety
/// `state` must come from `init`, and `job` must be a host's complete job.
pub unsafe fn handle<S>(
    state: *mut c_void,
    job: *const abi::Job,
    handler: fn(&S, &Job) -> Result,
) -> i32 {
    run(&Job::new(&*job), |job| handler(&*(state as *const S), job))
}

/// # Safety
/// To be called once, by a host, with its complete `host` and a writable `state`.
pub unsafe fn init<S: Send + Sync + 'static>(
    host: *const abi::Host,
    config: abi::Str,
    state: *mut *mut c_void,
    make: fn(&Config) -> Result<S>,
) -> i32 {
    let made = guarded(|| Config::new(&*host, config).and_then(|config| make(&config)))
        .unwrap_or_else(|words| Err(Failure::retry(words)));
    match made {
        Ok(made) => {
            *state = Box::into_raw(Box::new(made)) as *mut c_void;
            0
        }
        Err(failure) => {
            ((*host).set_error)(host, abi::Str::of(&failure.message));
            1
        }
    }
}

/// # Safety
/// `state` must come from `init`, and nothing may use it afterwards.
pub unsafe fn shutdown<S>(state: *mut c_void) {
    // The process is about to end, so a panic in a destructor is only printed.
    if let Err(words) = guarded(|| drop(Box::from_raw(state as *mut S))) {
        eprintln!("shutdown: {words}");
    }
}
