//! The table: one row per figure, sessiond and its peers side by side.

/// How rows are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Table,
    Json,
}

/// What sessiond's figure should be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Goal {
    AtLeast(f64),
    AtMost(f64),
    /// So many times tmux's.
    TimesTmux(f64),
    /// At most so much of tmux's.
    AtMostOfTmux(f64),
    /// So much of the bare reader's.
    OfBare(f64),
}

/// One figure.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) what: String,
    pub(crate) unit: &'static str,
    pub(crate) sessiond: f64,
    pub(crate) tmux: Option<f64>,
    pub(crate) bare: Option<f64>,
    pub(crate) goals: Vec<Goal>,
}

impl Row {
    /// A figure without peers.
    pub(crate) fn alone(what: &str, unit: &'static str, sessiond: f64, goal: Goal) -> Self {
        Self {
            what: what.to_owned(),
            unit,
            sessiond,
            tmux: None,
            bare: None,
            goals: vec![goal],
        }
    }

    /// Whether a goal is met; nothing where the peer is missing that it refers to.
    fn meets(&self, goal: Goal) -> Option<bool> {
        Some(match goal {
            Goal::AtLeast(limit) => self.sessiond >= limit,
            Goal::AtMost(limit) => self.sessiond <= limit,
            Goal::TimesTmux(factor) => self.sessiond >= factor * self.tmux?,
            Goal::AtMostOfTmux(factor) => self.sessiond <= factor * self.tmux?,
            Goal::OfBare(factor) => self.sessiond >= factor * self.bare?,
        })
    }

    pub(crate) fn print(&self, question: &str, style: Style) {
        match style {
            Style::Table => self.print_line(),
            Style::Json => {
                let row = serde_json::json!({
                    "question": question, "what": self.what, "unit": self.unit, "sessiond": self.sessiond,
                    "tmux": self.tmux, "bare": self.bare,
                    "goals": self.goals.iter().map(|goal| {
                        serde_json::json!({"goal": goal.to_string(), "met": self.meets(*goal)})
                    }).collect::<Vec<_>>(),
                });
                println!("{row}");
            }
        }
    }

    fn print_line(&self) {
        let cell = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), number);
        let ratio = |peer: Option<f64>| {
            let ratio = peer
                .filter(|peer| *peer > 0.0)
                .map(|peer| self.sessiond / peer);
            ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}"))
        };
        let goals: Vec<String> = self
            .goals
            .iter()
            .map(|goal| {
                let met = match self.meets(*goal) {
                    Some(true) => "met",
                    Some(false) => "MISSED",
                    None => "?",
                };
                format!("{goal} {met}")
            })
            .collect();
        println!(
            "{:<46} {:>9} {:>9} {:>9}  {:<6} {:>6} {:>6}  {}",
            self.what,
            number(self.sessiond),
            cell(self.tmux),
            cell(self.bare),
            self.unit,
            ratio(self.tmux),
            ratio(self.bare),
            goals.join(", ")
        );
    }
}

/// The line above the first row.
pub(crate) fn head(style: Style) {
    if style == Style::Table {
        println!(
            "{:<46} {:>9} {:>9} {:>9}  {:<6} {:>6} {:>6}  goals",
            "", "sessiond", "tmux", "bare", "", "/tmux", "/bare"
        );
    }
}

fn number(value: f64) -> String {
    if value.abs() >= 100.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.2}")
    }
}

impl std::fmt::Display for Goal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AtLeast(limit) => write!(f, ">= {limit}"),
            Self::AtMost(limit) => write!(f, "<= {limit}"),
            Self::TimesTmux(factor) => write!(f, ">= {factor} tmux"),
            Self::AtMostOfTmux(factor) => write!(f, "<= {factor} tmux"),
            Self::OfBare(factor) => write!(f, ">= {factor} bare"),
        }
    }
}
