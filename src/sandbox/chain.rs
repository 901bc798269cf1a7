//! Who the simulated vendors know: the stores of one chain, and their tills.

use super::Scenario;
use crate::model::{AppId, Package};
use chrono::{NaiveDate, TimeDelta};
use std::collections::BTreeMap;

/// Calls a day without a package.
pub const DEFAULT_LIMIT: i64 = 300;
/// Calls a day with one.
pub const PACKAGE_LIMIT: i64 = 3000;

/// A store's account at Pospal.
#[derive(Debug, Clone)]
pub struct Store {
    /// In the vendor's spelling.
    pub app_id: AppId,
    /// What its requests are signed with.
    pub app_key: String,
    /// For people; the vendor never tells it.
    pub name: String,
    /// Whether the ready settings file has it; the others are sisters.
    pub configured: bool,
    /// What `queryAccessTimes` tells.
    pub packages: Vec<Package>,
    /// Calls allowed a day, by the first day they hold.
    limits: BTreeMap<NaiveDate, i64>,
}

impl Store {
    /// A store on the default quota.
    fn new(name: &str, app_id: AppId, app_key: &str, configured: bool) -> Self {
        let packages = vec![package(&app_id, DEFAULT_LIMIT, None)];
        let limits = BTreeMap::from([(NaiveDate::MIN, DEFAULT_LIMIT)]);
        Self { app_id, app_key: app_key.to_owned(), name: name.to_owned(), configured, packages, limits }
    }

    /// The same with a package between two days; the default quota before and after.
    fn with_package(mut self, first: NaiveDate, last: NaiveDate) -> Self {
        self.packages.retain(|package| package.start_date.is_some());
        self.packages.push(package(&self.app_id, PACKAGE_LIMIT, Some((first, last))));
        self.limits.insert(first, PACKAGE_LIMIT);
        self.limits.insert(last + TimeDelta::days(1), DEFAULT_LIMIT);
        self
    }

    /// Sister number `number`; any number gives another appId.
    pub(super) fn sister(number: usize) -> Self {
        let name = format!("Sister {number}");
        // An odd factor mixes 64 bits without ever giving two numbers the same id.
        let id = format!("5157E200{:024X}", u128::from((number as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)));
        let key = format!("{:018}", 700_000_000_000_000_000 + number);
        Self::new(&name, known_id(&id), &key, false)
    }

    /// The limit of a day.
    pub fn limit_on(&self, day: NaiveDate) -> i64 {
        self.limits.range(..=day).next_back().map_or(DEFAULT_LIMIT, |(_, limit)| *limit)
    }

    /// From `day` on, whatever the packages say.
    pub(super) fn set_limit(&mut self, day: NaiveDate, limit: i64) {
        self.limits.retain(|from, _| *from < day);
        self.limits.insert(day, limit);
    }
}

/// A till at V8STD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Till {
    /// `programName`
    pub program_name: String,
    /// `locationCode`
    pub location_code: String,
    /// `deviceId`
    pub device_id: String,
    /// `activationCode`; `None`: the device is registered beforehand and needs none.
    pub activation_code: Option<String>,
}

/// The tills at the start: the one of the settings file, and a registered one that needs no code.
pub(super) fn tills() -> Vec<Till> {
    let till = |device_id: &str, code: Option<&str>| Till {
        program_name: "APIEXTERNAL".into(),
        location_code: "HKCB".into(),
        device_id: device_id.into(),
        activation_code: code.map(str::to_owned),
    };
    vec![till("1", Some("3204B21A343FCBD07D09FA2EE9D63526")), till("2", None)]
}

/// The chain at the start: three configured stores with which nothing is wrong (a busy day apart), and
/// sisters whose packages end soon or have ended.
pub(super) fn stores(scenario: Scenario, today: NaiveDate) -> Vec<Store> {
    let in_days = |days: i64| today + TimeDelta::days(days);
    let ends_in = if scenario == Scenario::BusyDay { 12 } else { 200 };
    let store = |name: &str, id: &str, key: &str| Store::new(name, known_id(id), key, true);
    let sister = |name: &str, id: &str, key: &str| Store::new(name, known_id(id), key, false);
    let mut stores = vec![
        store("Store A", "A1EC48AD85DCDDF5D69567C82E4565B1", "410286735901462837")
            .with_package(in_days(-320), in_days(310))
            .with_package(in_days(-485), in_days(310)),
        store("Store B", "B29CE71412C6B26D0C7EF894Bcccc4DD", "529174630085516392")
            .with_package(in_days(-165), in_days(ends_in)),
        store("Store C", "C3D07D09FA2EE9D635263204B21A343F", "638015927746203851"),
        sister("Store D", "D41F8A6C03B27E95D8F1460A2C7B39E5", "746203851638015927")
            .with_package(in_days(-360), in_days(5)),
        sister("Store E", "E5730B9D1C84F2A6E07D5B31984C6F2A", "851638015927746203")
            .with_package(in_days(-385), in_days(-20)),
    ];
    if scenario == Scenario::ChainOf500 {
        stores.extend((stores.len() - 3..500).map(Store::sister));
    }
    stores
}

/// Which configured store has the busy days.
pub(super) fn busy_store(stores: &[Store]) -> Option<&Store> {
    stores.iter().rfind(|store| store.configured)
}

fn package(app_id: &AppId, limit_times: i64, days: Option<(NaiveDate, NaiveDate)>) -> Package {
    Package {
        app_id: app_id.clone(),
        limit_times,
        start_date: days.map(|(first, _)| format!("{first} 00:00:00").into()),
        end_date: days.map(|(_, last)| format!("{last} 23:59:59").into()),
    }
}

fn known_id(text: &str) -> AppId {
    AppId::parse(text).expect("32 hex digits are an appId")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn today() -> NaiveDate {
        "2026-11-21".parse().expect("a test's day")
    }

    #[test]
    fn a_chain_has_every_kind_of_package_and_each_day_its_limit() {
        let stores = stores(Scenario::Steady, today());
        assert_eq!(stores[0].packages.len(), 2);
        assert_eq!(stores[2].packages[0].start_date, None);
        assert_eq!(stores[3].packages[0].end_date.as_deref(), Some("2026-11-26 23:59:59"));
        let ended = &stores[4];
        assert_eq!(ended.packages[0].end_date.as_deref(), Some("2026-11-01 23:59:59"));
        assert_eq!(ended.limit_on(today() - TimeDelta::days(20)), PACKAGE_LIMIT);
        assert_eq!(ended.limit_on(today() - TimeDelta::days(19)), DEFAULT_LIMIT);
        assert_eq!(stores.iter().map(|s| s.limit_on(today())).collect::<Vec<_>>(), [3000, 3000, 300, 3000, 300]);
    }

    #[test]
    fn a_chain_of_500_has_500_different_sisters() {
        let stores = stores(Scenario::ChainOf500, today());
        let ids: HashSet<_> = stores.iter().filter(|s| !s.configured).map(|s| s.app_id.clone()).collect();
        assert_eq!(ids.len(), 500);
        assert!(ids.iter().all(|id| id.as_str().len() == 32));
    }
}
