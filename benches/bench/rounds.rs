//! Contenders, taking turns: what disturbs one of them disturbs its neighbours, too.

use crate::measure::Usage;

/// Something that is measured.
pub struct Contender<'a> {
    pub name: String,
    run: Box<dyn FnMut() -> anyhow::Result<Usage> + 'a>,
}

impl<'a> Contender<'a> {
    pub fn new(name: impl Into<String>, run: impl FnMut() -> anyhow::Result<Usage> + 'a) -> Self {
        Self { name: name.into(), run: Box::new(run) }
    }
}

/// What one contender cost in each round.
#[derive(Debug, Clone)]
pub struct Runs {
    pub name: String,
    pub each: Vec<Usage>,
}

impl Runs {
    pub fn median(&self, of: impl Fn(&Usage) -> f64) -> f64 {
        median(self.each.iter().map(of).collect())
    }

    /// The median of the ratios within the rounds.
    pub fn ratio(&self, to: &Self, of: impl Fn(&Usage) -> f64) -> f64 {
        median(self.each.iter().zip(&to.each).map(|(own, other)| of(own) / of(other)).collect())
    }
}

pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        many if many % 2 == 1 => values[many / 2],
        many => (values[many / 2 - 1] + values[many / 2]) / 2.0,
    }
}

/// One round that does not count, to warm the caches, then `rounds` that do. A contender that fails says
/// so and is left out: it must not keep the others from being measured.
pub fn take_turns(contenders: Vec<Contender<'_>>, rounds: usize) -> Vec<Runs> {
    let mut all: Vec<_> = contenders.into_iter().map(|contender| (contender, Vec::new())).collect();
    for round in 0..=rounds {
        all.retain_mut(|(contender, each)| match (contender.run)() {
            Ok(usage) => {
                if round > 0 {
                    each.push(usage);
                }
                true
            }
            Err(error) => {
                println!("left out: {}: {error:#}", contender.name);
                false
            }
        });
    }
    all.into_iter().map(|(contender, each)| Runs { name: contender.name, each }).collect()
}

pub fn find<'a>(runs: &'a [Runs], name: &str) -> Option<&'a Runs> {
    runs.iter().find(|runs| runs.name == name)
}
