//! The search: which commit to try next, from what is known. Pure; git lists the candidates.

use std::collections::BTreeSet;

/// What a commit's run says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The scenario passes.
    Green,
    /// It leaks.
    Red,
    /// It does not build, or gives no verdict.
    None,
}

/// What is known so far.
#[derive(Clone, Debug)]
pub(super) struct Search {
    good: Vec<String>,
    bad: String,
    skipped: BTreeSet<String>,
}

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// This commit is tried; about so many follow it at the most.
    Try {
        /// The commit.
        commit: String,
        /// Commits that will be tried after it, unless some give no answer.
        left: u32,
    },
    /// This commit made it red.
    Found(String),
    /// One of these did, and all but the last give no answer.
    Among(Vec<String>),
}

impl Search {
    /// From a commit that is green to one that is red.
    pub(super) fn new(good: String, bad: String) -> Self {
        Self {
            good: vec![good],
            bad,
            skipped: BTreeSet::new(),
        }
    }

    /// The commits that are known to be green.
    pub(super) fn good(&self) -> &[String] {
        &self.good
    }

    /// The earliest commit that is known to be red.
    pub(super) fn bad(&self) -> &str {
        &self.bad
    }

    /// Takes an answer into account.
    pub(super) fn answered(&mut self, commit: String, answer: Answer) {
        match answer {
            Answer::Green => self.good.push(commit),
            Answer::Red => self.bad = commit,
            Answer::None => {
                self.skipped.insert(commit);
            }
        }
    }

    /// What comes next; `candidates` are the commits that lead to [`Search::bad`] and to none of [`Search::good`], those
    /// that divide them best first.
    pub(super) fn next(&self, candidates: &[String]) -> Next {
        let open: Vec<&String> = candidates
            .iter()
            .filter(|commit| **commit != self.bad)
            .collect();
        if open.is_empty() {
            return Next::Found(self.bad.clone());
        }
        let untried = open
            .iter()
            .filter(|commit| !self.skipped.contains(**commit));
        match untried.clone().next() {
            Some(commit) => Next::Try {
                commit: (*commit).clone(),
                left: untried.count().max(1).ilog2(),
            },
            None => {
                let skipped = open.into_iter().cloned();
                Next::Among(skipped.chain([self.bad.clone()]).collect())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Searches a line of commits named by their position, the candidates best first as git lists them; what it finds,
    /// and how many were tried.
    fn find(commits: usize, answer: impl Fn(usize) -> Answer) -> (Next, usize) {
        let mut search = Search::new("0".to_owned(), (commits - 1).to_string());
        let number = |commit: &String| commit.parse::<usize>().unwrap();
        for tried in 0.. {
            let low = search.good().iter().map(number).max().unwrap();
            let high: usize = search.bad().parse().unwrap();
            let mut candidates: Vec<usize> = (low + 1..=high).collect();
            candidates.sort_by_key(|commit| std::cmp::Reverse((commit - low).min(high - commit)));
            let candidates: Vec<String> = candidates.iter().map(usize::to_string).collect();
            match search.next(&candidates) {
                Next::Try { commit, .. } => {
                    let answer = answer(number(&commit));
                    search.answered(commit, answer);
                }
                found => return (found, tried),
            }
        }
        unreachable!("it ends")
    }

    fn red_from(first: usize) -> impl Fn(usize) -> Answer {
        move |commit| match commit >= first {
            true => Answer::Red,
            false => Answer::Green,
        }
    }

    #[test]
    fn every_position_is_found_in_as_many_steps_as_halving_takes() {
        for commits in 2..=40 {
            for first in 1..commits {
                let (found, tried) = find(commits, red_from(first));
                assert_eq!(found, Next::Found(first.to_string()), "{commits}");
                assert!(tried <= 6, "{tried} steps among {commits}");
            }
        }
    }

    #[test]
    fn commits_without_an_answer_are_gone_around() {
        for none in 1..15 {
            let red = red_from(11);
            let answer = |commit| {
                if commit == none {
                    Answer::None
                } else {
                    red(commit)
                }
            };
            let (found, _) = find(17, answer);
            let among = |ids: [&str; 2]| Next::Among(ids.map(str::to_owned).to_vec());
            let expected = match none {
                // What is red first cannot be told from the one beside it.
                10 => among(["10", "11"]),
                11 => among(["11", "12"]),
                _ => Next::Found("11".to_owned()),
            };
            assert_eq!(found, expected, "{none} gives no answer");
        }
    }
}
