//! Naming asynchronous tasks, so that a tracked heap says in which of them a line allocated: the stack below an executor
//! shows the executor alone.

/// Runs `future` as the task `name`: what is allocated while it is polled is recorded as this task's.
///
/// Only a build with the feature `track` looks at the name; in every other one this is `future` itself. Up to 255 names are
/// told apart. In a tracked build the future is held twice, as it comes and as it is polled: one that is large comes in a
/// box.
///
/// ```
/// # fn spawn(_: impl Future<Output = ()> + Send + 'static) {}
/// # async fn serve() {}
/// spawn(leakgate_probe::task::named("session", Box::pin(serve())));
/// ```
#[cfg(feature = "track")]
pub fn named<F: Future>(name: &'static str, future: F) -> impl Future<Output = F::Output> {
    crate::track::polled_as(name, future)
}

/// Runs `future` as the task `name`, which only a build with the feature `track` looks at: this is `future` itself.
///
/// ```
/// # fn spawn(_: impl Future<Output = ()> + Send + 'static) {}
/// # async fn serve() {}
/// spawn(leakgate_probe::task::named("session", Box::pin(serve())));
/// ```
#[cfg(not(feature = "track"))]
pub fn named<F: Future>(_name: &'static str, future: F) -> impl Future<Output = F::Output> {
    future
}
