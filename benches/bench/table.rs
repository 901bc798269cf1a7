//! Tables for people.

use crate::measure::Usage;
use crate::rounds::Runs;

/// Prints a title and a table below it.
pub fn print(title: &str, head: &[&str], rows: Vec<Vec<String>>) {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::ASCII_MARKDOWN).set_header(head);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(comfy_table::CellAlignment::Right);
    }
    table.add_rows(rows);
    println!("\n## {title}\n\n{table}");
}

/// Prints what each contender cost, and the ratio of `own` to it.
pub fn print_runs(title: &str, runs: &[Runs], own: &[&str]) {
    let own: Vec<_> = own.iter().filter_map(|name| crate::rounds::find(runs, name)).collect();
    let mut head = vec!["", "wall ms", "CPU ms", "of it system", "peak MB", "written kB"];
    let ratios: Vec<_> = own.iter().map(|own| format!("CPU: {} to it", own.name)).collect();
    head.extend(ratios.iter().map(String::as_str));
    let rows = runs.iter().map(|one| {
        let mut row = vec![
            one.name.clone(),
            number(one.median(|usage| usage.wall_ms)),
            number(one.median(Usage::cpu_ms)),
            number(one.median(|usage| usage.system_ms)),
            number(one.median(|usage| usage.peak_kb / 1024.0)),
            number(one.median(|usage| usage.written_kb)),
        ];
        row.extend(own.iter().map(|own| format!("{:.2}", own.ratio(one, Usage::cpu_ms))));
        row
    });
    print(title, &head, rows.collect());
}

/// Three digits or more.
pub fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 99.5 => format!("{value:.0}"),
        size if size >= 9.95 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}
