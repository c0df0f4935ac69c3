//! One cycle: its steps in order, its branches at the same time, with this cycle's values in their texts.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::timeout;

use super::Run;
use super::driver::{Driver, StepError};
use super::tally::Tally;
use super::within::Held;
use crate::record::event::{Load, Phase};
use crate::scenario::{At, Branch, Part, Place, Scenario, Step};

/// A step that did not do what it should.
#[derive(Debug)]
pub(super) struct CycleError {
    /// Where it stands in the scenario.
    pub place: String,
    /// Why.
    pub error: StepError,
}

/// Runs cycle `number` (from 1) of a phase and returns what its load really did, and what the target held meanwhile.
pub(super) async fn run(
    scenario: &Scenario,
    run: &Run,
    driver: &Driver,
    phase: Phase,
    number: u32,
) -> Result<(Load, Vec<Held>), CycleError> {
    let at = At {
        phase,
        cycle: number,
    };
    let known = driver.values().clone().words("emit", &run.emit);
    let parts = scenario.cycle(at, run.started.seed, &known);
    let parts = parts.map_err(|errors| CycleError {
        place: "steps".to_owned(),
        error: StepError::Load(errors.to_string()),
    })?;
    let cycle = Cycle {
        driver,
        tally: Tally::default(),
        under_way: RefCell::default(),
    };
    let done = cycle.bounded(scenario.cycles.within, "the cycle", cycle.list(&parts));
    done.await.map_err(|failed| match failed {
        Failed::Step(place, error) => CycleError {
            place: place.to_string(),
            error,
        },
        Failed::Late(late) => CycleError {
            place: "cycle_within".to_owned(),
            error: late,
        },
    })?;
    driver.end_cycle();
    Ok(cycle.tally.into_parts())
}

/// Why a list of parts ended early.
enum Failed<'p> {
    /// A step or a block failed.
    Step(&'p Place, StepError),
    /// What surrounds the list took too long; its place is known where it was bounded.
    Late(StepError),
}

type Doing<'f, 'p> = Pin<Box<dyn Future<Output = Result<(), Failed<'p>>> + 'f>>;

/// A cycle under way.
struct Cycle<'c, 'p> {
    driver: &'c Driver,
    tally: Tally,
    /// Steps that have begun and not ended.
    under_way: RefCell<Vec<&'p Step>>,
}

impl<'p> Cycle<'_, 'p> {
    /// Does parts one after the other.
    fn list<'f>(&'f self, parts: &'p [Part]) -> Doing<'f, 'p> {
        Box::pin(async move {
            for part in parts {
                self.part(part).await?;
            }
            Ok(())
        })
    }

    async fn part(&self, part: &'p Part) -> Result<(), Failed<'p>> {
        let (place, within, name, doing): (_, _, _, Doing<'_, 'p>) = match part {
            Part::Step(step) => return self.step(step).await,
            Part::Repeat(block) => {
                let rounds = async move {
                    for round in &block.parts {
                        self.list(round).await?;
                    }
                    Ok(())
                };
                (&block.place, block.within, &block.name, Box::pin(rounds))
            }
            Part::Group(block) => {
                let doing = self.list(&block.parts);
                (&block.place, block.within, &block.name, doing)
            }
            Part::Parallel(block) => {
                let doing = Box::pin(self.together(&block.parts));
                (&block.place, block.within, &block.name, doing)
            }
        };
        let done = self.bounded(within, &format!("`{name}`"), doing).await;
        done.map_err(|failed| match failed {
            Failed::Late(late) => Failed::Step(place, late),
            failed @ Failed::Step(..) => failed,
        })
    }

    async fn step(&self, step: &'p Step) -> Result<(), Failed<'p>> {
        self.under_way.borrow_mut().push(step);
        let done = self.driver.step(step, &self.tally).await;
        let mut under_way = self.under_way.borrow_mut();
        if let Some(index) = under_way
            .iter()
            .position(|other| std::ptr::eq(*other, step))
        {
            under_way.swap_remove(index);
        }
        done.map_err(|error| Failed::Step(&step.place, error))
    }

    /// Does branches at the same time; the first that fails ends the others.
    async fn together(&self, branches: &'p [Branch]) -> Result<(), Failed<'p>> {
        let mut doing: Vec<Option<Doing<'_, 'p>>> = branches
            .iter()
            .map(|branch| Some(self.list(&branch.parts)))
            .collect();
        poll_fn(move |context| {
            // There are at most as many branches as a connection takes requests: polling all of them is cheap.
            for branch in &mut doing {
                let Some(future) = branch else { continue };
                match future.as_mut().poll(context) {
                    Poll::Ready(Ok(())) => *branch = None,
                    Poll::Ready(Err(failed)) => return Poll::Ready(Err(failed)),
                    Poll::Pending => {}
                }
            }
            match doing.iter().all(Option::is_none) {
                true => Poll::Ready(Ok(())),
                false => Poll::Pending,
            }
        })
        .await
    }

    /// Ends `doing` after `within` and tells what it was doing then.
    async fn bounded(
        &self,
        within: Option<Duration>,
        what: &str,
        mut doing: Doing<'_, 'p>,
    ) -> Result<(), Failed<'p>> {
        let Some(within) = within else {
            return doing.await;
        };
        match timeout(within, &mut doing).await {
            Ok(done) => done,
            Err(_) => Err(Failed::Late(StepError::Late(format!(
                "{what} did not end within {within:?}; under way: {}",
                self.doing_now()
            )))),
        }
    }

    fn doing_now(&self) -> String {
        let under_way = self.under_way.borrow();
        let each = under_way
            .iter()
            .map(|step| format!("`{}` ({})", step.action.name(), step.place));
        each.collect::<Vec<_>>().join(", ")
    }
}
