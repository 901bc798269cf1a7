//! A clock that is wrong: `clock.wrong`.

use super::{Alarm, Fields, OpenAlarm, Rule};
use chrono::TimeDelta;

/// What tells about this machine's clock.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClockFacts {
    /// Our clock minus the vendors' `Date`, as the newest answers told it, and as it was stepped since.
    pub skews: Vec<TimeDelta>,
    /// An answer came since the process started.
    pub has_answers: bool,
    /// The newest step of the clock that no answer has confirmed or refuted yet.
    pub unconfirmed_step: Option<TimeDelta>,
    /// After a reboot the clock lies before a login that was made: by how much.
    pub behind_login: Option<TimeDelta>,
}

/// The alarm about the clock, for the worst of the facts. It stays until the clock is off by less than
/// half of `tolerance`.
pub fn wrong_clock(facts: &ClockFacts, tolerance: TimeDelta, open: &[OpenAlarm]) -> Option<Alarm> {
    let known = open.iter().find(|known| known.alarm.rule == Rule::ClockWrong);
    let is_open = known.is_some();
    let limit = if is_open { tolerance / 2 } else { tolerance };
    let behind = facts.behind_login.map(|by| -by.abs());
    let worst = facts.skews.iter().copied().max_by_key(|skew| skew.abs()).filter(|skew| skew.abs() > limit);
    // Where the vendor's time is known, it tells whether the step was away from it or back to it.
    let step = facts.unconfirmed_step.filter(|step| facts.skews.is_empty() && step.abs() > tolerance);
    let by = |off: TimeDelta| format!("{} s", off.num_seconds().abs());
    let (off, told) = match (worst, behind, step) {
        (Some(skew), ..) if skew < TimeDelta::zero() => (skew, format!("is {} behind the vendor's", by(skew))),
        (Some(skew), ..) => (skew, format!("is {} ahead of the vendor's", by(skew))),
        (None, Some(behind), _) => (behind, format!("is at least {} behind: it lies before a login", by(behind))),
        (None, None, Some(step)) if step < TimeDelta::zero() => (step, format!("was set back by {}", by(step))),
        (None, None, Some(step)) => (step, format!("was set forward by {}", by(step))),
        // After a restart nothing is known: what is open stays open until an answer came.
        (None, None, None) => return known.filter(|_| !facts.has_answers).map(|known| known.alarm.clone()),
    };
    Some(Alarm {
        rule: Rule::ClockWrong,
        subject: "clock".into(),
        stage: 0,
        message: format!(
            "this machine's clock {told}; days and deadlines are reckoned by it: check its battery and its time \
             service (`timedatectl`)"
        ),
        fields: Fields { skew_seconds: Some(off.num_seconds()), ..Fields::default() },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOLERANCE: TimeDelta = TimeDelta::seconds(120);

    fn skewed(seconds: &[i64]) -> ClockFacts {
        let skews = seconds.iter().map(|s| TimeDelta::seconds(*s)).collect();
        ClockFacts { skews, has_answers: true, ..ClockFacts::default() }
    }

    #[test]
    fn the_worst_skew_counts_and_ahead_is_positive() {
        assert_eq!(wrong_clock(&skewed(&[120, -120]), TOLERANCE, &[]), None);
        let alarm = wrong_clock(&skewed(&[3, -121]), TOLERANCE, &[]).expect("an alarm");
        assert_eq!(alarm.fields.skew_seconds, Some(-121));
        assert!(alarm.message.contains("is 121 s behind the vendor's"), "{}", alarm.message);
    }

    #[test]
    fn it_stays_until_the_clock_is_well_within_the_tolerance() {
        let alarm = wrong_clock(&skewed(&[200]), TOLERANCE, &[]).expect("an alarm");
        let at = chrono::DateTime::UNIX_EPOCH;
        let open = [OpenAlarm { alert_key: 1, alarm, opened_at: at, logged_at: at }];
        assert!(wrong_clock(&skewed(&[100]), TOLERANCE, &open).is_some());
        assert!(wrong_clock(&skewed(&[60]), TOLERANCE, &open).is_none());
        assert!(wrong_clock(&ClockFacts::default(), TOLERANCE, &open).is_some(), "nothing is known after a restart");
    }

    #[test]
    fn a_step_back_to_the_vendors_time_is_no_trouble() {
        let mended = ClockFacts { unconfirmed_step: Some(TimeDelta::days(20_000)), ..skewed(&[1]) };
        assert_eq!(wrong_clock(&mended, TOLERANCE, &[]), None);
    }

    #[test]
    fn a_step_counts_until_an_answer_confirms_the_clock() {
        let stepped = ClockFacts { unconfirmed_step: Some(TimeDelta::days(3)), ..skewed(&[]) };
        let alarm = wrong_clock(&stepped, TOLERANCE, &[]).expect("an alarm");
        assert!(alarm.message.contains("was set forward by 259200 s"), "{}", alarm.message);
        assert!(wrong_clock(&skewed(&[0]), TOLERANCE, &[]).is_none());
    }
}
