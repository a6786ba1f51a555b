//! What stands between the host and a handler: no panic gets past it, which would end the process.

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
    "a panic has to become a retry: take panic = \"abort\" out of the profile in Cargo.toml"
);

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
    static PLACE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// The hook notes where a panic began, as what is caught no longer knows it. Panics outside of a guarded call,
/// in threads that the plugin made, go to the hook that was there before.
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

/// What `call` returned, or the words of its panic.
fn guarded<T>(call: impl FnOnce() -> T) -> std::result::Result<T, String> {
    note_places_of_panics();
    GUARDED.with(|guarded| guarded.set(true));
    let result = catch_unwind(AssertUnwindSafe(call));
    GUARDED.with(|guarded| guarded.set(false));
    result.map_err(|panic| {
        let words = words(&*panic);
        // What a panic carries may panic in its own destructor; nobody could be told.
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

/// Runs `handler` and tells the host what came of it.
pub fn run(job: &Job, handler: impl FnOnce(&Job) -> Result) -> i32 {
    let result =
        guarded(|| handler(job)).unwrap_or_else(|words| Err(Failure::retry(words).code("panic")));
    tell(job, result)
}

/// # Safety
/// `state` has to be what `init` made, and `job` a host's whole job.
pub unsafe fn handle<S>(
    state: *mut c_void,
    job: *const abi::Job,
    handler: fn(&S, &Job) -> Result,
) -> i32 {
    run(&Job::new(&*job), |job| handler(&*(state as *const S), job))
}

/// # Safety
/// To be called once, by a host, with its whole `host` and a `state` to write to.
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
/// `state` has to be what `init` made; nothing may use it any more.
pub unsafe fn shutdown<S>(state: *mut c_void) {
    // The process ends anyhow; a panic in a destructor is not worth more than its words on stderr.
    if let Err(words) = guarded(|| drop(Box::from_raw(state as *mut S))) {
        eprintln!("shutdown: {words}");
    }
}
