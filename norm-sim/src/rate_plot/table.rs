//! The lines of a trace, read by the names of its columns.

use core::fmt;

/// A file is no trace of the rate. Lines are counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TraceError {
    /// It has no lines but the names of the columns, or not even these.
    Empty,
    /// A column is missing.
    Column(&'static str),
    /// A line has more or fewer values than there are columns.
    Values {
        /// The line.
        line: usize,
        /// Values that it has.
        found: usize,
        /// Columns.
        columns: usize,
    },
    /// A value is no number.
    Number {
        /// The line.
        line: usize,
        /// The column.
        column: &'static str,
        /// The value.
        value: String,
    },
}

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("nothing was recorded; a fixed rate has no trace"),
            Self::Column(name) => {
                write!(f, "line 1 names no column \"{name}\": not a trace of the rate")
            }
            Self::Values { line, found, columns } => {
                write!(f, "line {line} has {found} values for {columns} columns")
            }
            Self::Number { line, column, value } => {
                write!(f, "line {line}, column \"{column}\": {value:?} is not a number")
            }
        }
    }
}

impl core::error::Error for TraceError {}

/// What is drawn of a line.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) seconds: f64,
    /// Mbit/s.
    pub(super) rate: f64,
    /// Mbit/s; `None` where no bandwidth is estimated.
    pub(super) bandwidth: Option<f64>,
    /// A rate probe is being sent.
    pub(super) is_rate_probe: bool,
    /// `None` for a probe packet that has left.
    pub(super) report: Option<Report>,
}

/// What is drawn of a report; what it does not say is `None`.
#[derive(Clone, Debug)]
pub(super) struct Report {
    /// The limiting receiver's.
    pub(super) is_limiting: bool,
    /// Mbit/s.
    pub(super) delivered: Option<f64>,
    /// Milliseconds.
    pub(super) queue: Option<f64>,
    /// Percent.
    pub(super) loss: Option<f64>,
}

/// The lines of a trace; at least one.
pub(super) fn rows(trace: &str) -> Result<Vec<Row>, TraceError> {
    let mut lines = trace.lines().zip(1..).filter(|(line, _)| !line.is_empty());
    let (names, _) = lines.next().ok_or(TraceError::Empty)?;
    let columns: Vec<&str> = names.split(',').collect();
    let rows = lines.map(|(text, line)| Line::new(&columns, line, text)?.row());
    let rows: Vec<Row> = rows.collect::<Result<_, _>>()?;
    if rows.is_empty() { Err(TraceError::Empty) } else { Ok(rows) }
}

struct Line<'a> {
    columns: &'a [&'a str],
    line: usize,
    values: Vec<&'a str>,
}

impl<'a> Line<'a> {
    fn new(columns: &'a [&'a str], line: usize, text: &'a str) -> Result<Self, TraceError> {
        let values: Vec<&str> = text.split(',').collect();
        if values.len() == columns.len() {
            return Ok(Self { columns, line, values });
        }
        Err(TraceError::Values { line, found: values.len(), columns: columns.len() })
    }

    fn row(&self) -> Result<Row, TraceError> {
        let report = match self.text("event")? {
            "report" => Some(self.report()?),
            _ => None,
        };
        let bandwidth = self.number("bandwidth")?;
        Ok(Row {
            seconds: self.number("seconds")?,
            rate: self.number("rate")? / 1e6,
            bandwidth: (bandwidth > 0.0).then_some(bandwidth / 1e6),
            is_rate_probe: self.text("phase")? == "probe",
            report,
        })
    }

    fn report(&self) -> Result<Report, TraceError> {
        let scaled = |column, unit: f64| {
            Ok::<_, TraceError>(self.optional(column)?.map(|value| value * unit))
        };
        Ok(Report {
            is_limiting: self.text("node")? == self.text("clr")?,
            delivered: scaled("delivered", 1e-6)?,
            queue: scaled("queue_us", 1e-3)?,
            loss: scaled("loss", 1e2)?,
        })
    }

    fn text(&self, column: &'static str) -> Result<&'a str, TraceError> {
        let mut values = self.columns.iter().zip(&self.values);
        let value = values.find_map(|(name, value)| (*name == column).then_some(*value));
        value.ok_or(TraceError::Column(column))
    }

    fn number(&self, column: &'static str) -> Result<f64, TraceError> {
        let value = self.text(column)?;
        let wrong = || TraceError::Number { line: self.line, column, value: value.to_owned() };
        value.parse().ok().filter(|number: &f64| number.is_finite()).ok_or_else(wrong)
    }

    fn optional(&self, column: &'static str) -> Result<Option<f64>, TraceError> {
        if self.text(column)?.is_empty() { Ok(None) } else { self.number(column).map(Some) }
    }
}
