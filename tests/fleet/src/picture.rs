//! Draws what happened to a fleet as SVG: sign-ins per five minutes, and machines with a valid auth
//! token. The background is white, so that the picture is readable on a dark page, too.

use std::fmt::Write;
use std::time::Duration;

use crate::scenarios::{ACCEPTED, Outcome, TOO_MANY};

const WIDTH: f64 = 800.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 20.0;

/// The interval of one bar, and emnify's limit for it.
const BAR: Duration = Duration::from_secs(300);
const LIMIT: usize = 100;

/// The most that the upper diagram shows; a longer bar has its number.
const MOST: usize = 400;

const GOOD: &str = "#1a7f5a";
const LIMITED: &str = "#d4622a";
const FAILED: &str = "#9aa4ae";
const INK: &str = "#24292f";
const GRID: &str = "#d8dee4";

/// One of the two diagrams: its upper edge, its height and the largest value.
struct Panel {
    top: f64,
    height: f64,
    most: f64,
}

impl Panel {
    fn y(&self, value: f64) -> f64 {
        self.top + self.height * (1.0 - value / self.most)
    }
}

/// The time that both diagrams show, in minutes since `zero`.
struct Time {
    zero: Duration,
    minutes: f64,
}

impl Time {
    fn x(&self, at: Duration) -> f64 {
        self.at_minute(at.saturating_sub(self.zero).as_secs_f64() / 60.0)
    }

    fn at_minute(&self, minute: f64) -> f64 {
        LEFT + (WIDTH - LEFT - RIGHT) * (minute / self.minutes).min(1.0)
    }
}

/// Returns the picture.
pub(crate) fn draw(outcome: &Outcome) -> String {
    let span = outcome.end.saturating_sub(outcome.zero);
    let bars = span.as_secs().div_ceil(BAR.as_secs());
    let time = Time { zero: outcome.zero, minutes: bars as f64 * 5.0 };
    let counts = counts(outcome, bars);
    let most =
        counts.iter().map(|counts| counts.iter().sum()).max().unwrap_or(0).clamp(LIMIT, MOST);
    let upper = Panel { top: 84.0, height: 150.0, most: round_up(most) };
    let lower = Panel { top: 292.0, height: 130.0, most: outcome.machines as f64 * 1.05 };
    let mut svg = String::new();
    let _ = writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} 474\" \
         font-family=\"sans-serif\" font-size=\"13\" fill=\"{INK}\">\n\
         <title>{}</title>\n<rect width=\"{WIDTH}\" height=\"474\" fill=\"#fff\"/>",
        outcome.title
    );
    if let Some((from, to, what)) = outcome.mark {
        let (from, to) = (time.x(from), time.x(to));
        for Panel { top, height, .. } in [&upper, &lower] {
            let _ = writeln!(
                svg,
                "<path fill=\"#f3eee2\" d=\"M{from:.0} {top:.0}H{to:.0}v{height:.0}H{from:.0}z\"/>"
            );
        }
        text(&mut svg, from + 6.0, lower.top + lower.height / 2.0, "start", what);
    }
    text_bold(&mut svg, 12.0, 26.0, &outcome.title);
    legend(&mut svg, outcome);
    axes(&mut svg, &upper, &time, most / 4);
    axes(&mut svg, &lower, &time, outcome.machines / 4 + 1);
    text(&mut svg, 12.0, 74.0, "start", "Sign-ins in 5 minutes");
    text(&mut svg, 12.0, 282.0, "start", "Machines with a valid auth token");
    text(&mut svg, WIDTH - RIGHT, 464.0, "end", "minutes");

    for (index, counts) in counts.iter().enumerate() {
        let from = time.at_minute(index as f64 * 5.0) + 0.5;
        let to = time.at_minute(index as f64 * 5.0 + 5.0) - 0.5;
        let mut low = 0;
        for (colour, count) in [GOOD, LIMITED, FAILED].into_iter().zip(counts) {
            let high = low + count;
            if *count > 0 && low < MOST {
                let (low, high) = (upper.y(low as f64), upper.y(high.min(MOST) as f64));
                let _ = writeln!(
                    svg,
                    "<path fill=\"{colour}\" d=\"M{from:.1} {low:.1}H{to:.1}V{high:.1}H{from:.1}z\"/>"
                );
            }
            low = high;
        }
        if low > MOST {
            text(&mut svg, (from + to) / 2.0, upper.top + 12.0, "middle", &low.to_string());
        }
    }
    let limit = upper.y(LIMIT as f64);
    let _ = writeln!(
        svg,
        "<path stroke=\"{INK}\" stroke-dasharray=\"6 4\" d=\"M{LEFT} {limit:.1}H{:.0}\"/>",
        WIDTH - RIGHT
    );
    let _ = writeln!(
        svg,
        "<path fill=\"none\" stroke=\"{GOOD}\" stroke-width=\"2\" d=\"{}\"/>\n</svg>",
        line(outcome, &lower, &time)
    );
    svg
}

/// Returns the sign-ins of each bar that were accepted, refused by the limit, and failed otherwise.
fn counts(outcome: &Outcome, bars: u64) -> Vec<[usize; 3]> {
    let mut counts = vec![[0; 3]; bars as usize];
    for sign_in in &outcome.sign_ins {
        let bar = (sign_in.at.saturating_sub(outcome.zero).as_secs() / BAR.as_secs()) as usize;
        if let Some([accepted, limited, failed]) = counts.get_mut(bar) {
            match sign_in.status {
                ACCEPTED => *accepted += 1,
                TOO_MANY => *limited += 1,
                _ => *failed += 1,
            }
        }
    }
    counts
}

/// Returns the path of the machines that have a valid token, with a point per minute.
fn line(outcome: &Outcome, panel: &Panel, time: &Time) -> String {
    let mut path = String::new();
    let mut changes = outcome.signed_in.iter().peekable();
    let (mut count, mut drawn) = (0, None);
    for minute in 0..=outcome.end.saturating_sub(outcome.zero).as_secs() / 60 {
        let now = outcome.zero + Duration::from_secs(60 * minute);
        while let Some((_, next)) = changes.next_if(|(at, _)| *at <= now) {
            count = *next;
        }
        let (x, y) = (time.at_minute(minute as f64), panel.y(count as f64));
        let _ = match drawn.replace(count) {
            None => write!(path, "M{x:.1} {y:.1}"),
            Some(before) if before == count => Ok(()),
            Some(_) => write!(path, "H{x:.1}V{y:.1}"),
        };
    }
    let _ = write!(path, "H{:.1}", time.x(outcome.end));
    path
}

fn legend(svg: &mut String, outcome: &Outcome) {
    let (accepted, limited) = (outcome.accepted(), outcome.limited());
    let failed = outcome.sign_ins.len() - accepted - limited;
    let items = [
        (GOOD, format!("{accepted} accepted")),
        (LIMITED, format!("{limited} refused (429)")),
        (FAILED, format!("{failed} failed otherwise")),
    ];
    let mut x = 12.0;
    for (colour, label) in items.into_iter().filter(|(_, label)| !label.starts_with("0 ")) {
        let _ = writeln!(svg, "<path fill=\"{colour}\" d=\"M{x} 40h12v12h-12z\"/>");
        text(svg, x + 18.0, 51.0, "start", &label);
        x += 48.0 + 7.2 * label.len() as f64;
    }
    let _ = writeln!(svg, "<path stroke=\"{INK}\" stroke-dasharray=\"6 4\" d=\"M{x} 46h28\"/>");
    text(svg, x + 34.0, 51.0, "start", "emnify's limit: 100");
}

/// Draws a panel's lines and numbers, about one each `step`, and those of the time.
fn axes(svg: &mut String, panel: &Panel, time: &Time, step: usize) {
    let step = round_up(step.max(1));
    let mut value = 0.0;
    while value <= panel.most {
        let y = panel.y(value);
        let _ =
            writeln!(svg, "<path stroke=\"{GRID}\" d=\"M{LEFT} {y:.1}H{:.0}\"/>", WIDTH - RIGHT);
        text(svg, LEFT - 8.0, y + 4.0, "end", &format!("{value}"));
        value += step;
    }
    let bottom = panel.top + panel.height;
    let minutes =
        [5, 10, 15, 20, 30, 60].into_iter().find(|step| time.minutes <= 13.0 * f64::from(*step));
    let minutes = minutes.unwrap_or(60);
    for minute in (0..=time.minutes as u32).step_by(minutes as usize) {
        let x = time.at_minute(minute.into());
        let _ = writeln!(svg, "<path stroke=\"{INK}\" d=\"M{x:.1} {bottom}v4\"/>");
        text(svg, x, bottom + 18.0, "middle", &minute.to_string());
    }
}

fn text(svg: &mut String, x: f64, y: f64, anchor: &str, text: &str) {
    let _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>");
}

fn text_bold(svg: &mut String, x: f64, y: f64, text: &str) {
    let _ = writeln!(
        svg,
        "<text x=\"{x}\" y=\"{y}\" font-size=\"17\" font-weight=\"bold\">{text}</text>"
    );
}

/// Returns the next number of 1, 2, 2.5 or 5 times a power of ten.
fn round_up(number: usize) -> f64 {
    let number = number as f64;
    let power = 10_f64.powf(number.log10().floor());
    [1.0, 2.0, 2.5, 5.0, 10.0]
        .into_iter()
        .map(|m| m * power)
        .find(|m| *m >= number)
        .unwrap_or(number)
}
