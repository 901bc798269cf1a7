//! Simplified Chinese.

use super::Words;
use crate::rules::alarms::{Fields, Rule};
use crate::store::OpenAlert;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use std::fmt::Display;

pub(super) static WORDS: Words = Words {
    html_lang: "zh-Hans",
    language: "中文",
    lost: "poskeeper 没有响应：以下内容可能已过时。",
    title: "银豹接口用量与设备登录",
    span: |from, to, days| format!("{from} 至 {to}（{days} 天）"),
    made: |time, zone| format!("截至 {time}，时区 {zone}"),
    footer: |version, zone| format!("由 poskeeper {version} 根据其数据库生成。日期与时间均为 {zone} 时区。"),
    nothing_yet: "尚无任何记录。",

    alerts: "未解除的告警",
    no_alerts: "无，一切正常。",
    alert_columns: ["告警", "对象", "开始时间", "说明"],
    error: "错误",
    warning: "警告",
    rule: |rule| match rule {
        Rule::QuotaHigh => "额度即将用完",
        Rule::QuotaExhausted => "额度已用完",
        Rule::QuotaForecast => "今日额度预计不足",
        Rule::PackageEnding => "套餐即将到期",
        Rule::PackageEnded => "套餐已到期",
        Rule::LoginFailing => "登录失败，密钥仍有效",
        Rule::LoginOverdue => "登录已逾期",
        Rule::LoginExpired => "没有有效密钥",
        Rule::PollStale => "数据长时间未更新",
        Rule::UsageLost => "某日数据已丢失",
        Rule::ClockWrong => "系统时钟不准",
        Rule::StoreFailing => "数据库写入失败",
    },
    alert,
    more_alerts: |count| format!("另有 {count} 条"),

    chain: "整个连锁",
    stores: "门店",
    of_them_sisters: |count| format!("其中 {count} 家未在配置中"),
    calls_made: "次调用",
    of_allowed: |limit| format!("额度共 {limit} 次"),
    exhausted_days: "店·日额度用完",
    missing_days: "店·日无数据",
    own_calls: "次由 poskeeper 自身调用",
    own_calls_short: "poskeeper 自身调用",
    spent: |calls, failed| format!("{calls} 次，其中 {failed} 次失败"),
    of_them_failed: |count| format!("其中 {count} 次失败"),
    chain_bars: "所有门店每日调用次数",
    exhausted_bars: "每日额度用完的门店数",
    heat_map: "各门店每日额度使用比例",
    heat_keys: ["低于 20%", "20%–40%", "40%–60%", "60%–80%", "80% 以上", "已用完"],
    heat_missing: "无数据",
    heat_ranks: "每行一家门店，用量最大的在最上；数字为其在门店表中的名次。",
    ranking: "门店用量排名",
    ranking_columns: ["#", "门店", "最近一日", "平均", "峰值", "用完天数", "缺失天数"],
    more_stores: |count| format!("其余 {count} 家用量较小的门店"),
    all_stores: "各门店",
    compact_note: "每日额度使用比例；横线为每日额度，线上短标为额度用完之日。展开门店可查看最近一日、套餐与缺失日期。",
    left_out: |count| format!("此处省略 {count} 家门店；全部数据请用 `poskeeper report usage_daily` 查看。"),

    used: "调用次数",
    limit: "每日额度",
    exhausted: "▼ 额度用完",
    some_exhausted: "▼ 有门店额度用完",
    failed: "失败",
    good: "成功",
    calls_of: |used, limit, percent| format!("{used} / {limit} 次（{percent}）"),
    stores_exhausted: |count| format!("{count} 家门店额度用完"),
    days: |days| format!("{days} 天"),
    seen: "累计调用次数",
    forecast: "预测",

    sister: "未在配置中",
    usage: "每日调用次数",
    today: "今日",
    curve: |day| format!("{day} 当日调用次数变化"),
    no_samples: |day| format!("{day} 当日没有采样数据。"),
    mean: "平均",
    peak: "峰值",
    packages: "套餐（每日次数）",
    no_packages: "供应商未列出任何套餐。",
    per_day: |limit| format!("每日 {limit} 次"),
    default_quota: "默认额度",
    from_to: |from, to| format!("{from} 至 {to}"),
    gone_since: |day| format!("自 {day} 起不再列出"),
    days_left: |days| format!("剩余 {days} 天"),
    ended: "已到期",
    gaps: "无数据的日期",
    no_gaps: "无。",
    as_table: "以表格查看",
    table_columns: ["日期", "次数", "额度", "比例"],

    own: "poskeeper 自身的调用",
    own_note: "poskeeper 对银豹的调用同样占用门店额度；登录不占用额度。",
    own_bars: "poskeeper 每日调用次数（所有门店）",
    no_own: "此期间没有调用。",

    logins: "设备登录",
    no_devices: "配置中没有设备。",
    key_lives: "密钥有效",
    login: "登录",
    failed_login: "× 登录失败",
    login_counts: |good, failed| format!("登录 {good} 次，失败 {failed} 次"),
    key_until: |time| format!("密钥有效至 {time}"),
    key_dead: |time| format!("自 {time} 起没有有效密钥"),
    never_logged_in: "从未登录成功",
    failures: |shown, all| format!("登录失败：共 {all} 次，最近 {shown} 次"),
    failure_columns: ["时间", "结果", "返回信息"],
    outcome: |outcome| match outcome {
        "refused" => "被拒绝",
        "unreachable" => "无法连接",
        "interrupted" => "中断",
        _ => "异常应答",
    },
};

/// The database has English sentences: these are made from the numbers in them.
fn alert(alert: &OpenAlert, timezone: Tz) -> String {
    let at = |text: &Option<String>| text.as_deref().map_or_else(|| "?".into(), |text| local(text, timezone));
    let Fields { used, limit, percent, threshold, days_left, attempts, skew_seconds, .. } = &alert.fields;
    let fields = &alert.fields;
    match Rule::from_name(&alert.rule) {
        Some(Rule::QuotaHigh) => {
            let (used, limit, percent, threshold) = (n(used), n(limit), n(percent), n(threshold));
            format!(
                "已用 {used} / {limit} 次（{percent}%，告警线 {threshold}%）；请检查哪个程序调用过于频繁，或购买更大的套餐"
            )
        }
        Some(Rule::QuotaExhausted) => format!(
            "当日额度 {} 次已用完（已用 {} 次）；对接程序将停止工作直至供应商零点，购买更大的套餐可立即生效",
            n(limit),
            n(used)
        ),
        Some(Rule::QuotaForecast) => format!(
            "按目前速度，额度 {} 次将于 {}左右用完（已用 {} 次）；请停止不必要的调用，或购买更大的套餐",
            n(limit),
            at(&fields.exhausted_at),
            n(used)
        ),
        Some(Rule::PackageEnding) => format!(
            "最后一个套餐将于 {} 到期，剩余 {} 天；请续费，否则将回到默认额度",
            n(&fields.end_date),
            n(days_left)
        ),
        Some(Rule::PackageEnded) => format!("最后一个套餐已于 {} 到期，账户已回到默认额度", n(&fields.end_date)),
        Some(Rule::LoginFailing) => format!(
            "续期登录已失败 {} 次：{}；现有密钥有效至 {}",
            n(attempts),
            n(&fields.error),
            at(&fields.expires_at)
        ),
        Some(Rule::LoginOverdue) => {
            format!("应于 {}前重新登录；现有密钥有效至 {}", at(&fields.relogin_due_at), at(&fields.expires_at))
        }
        Some(Rule::LoginExpired) => match &fields.expired_at {
            Some(_) => format!("密钥已于 {} 失效，门店程序无法访问供应商服务", at(&fields.expired_at)),
            None => "没有有效密钥，门店程序无法访问供应商服务".into(),
        },
        Some(Rule::PollStale) => match &fields.last_ok_at {
            Some(_) => format!("接口 {} 自 {} 起没有成功应答", n(&fields.endpoint), at(&fields.last_ok_at)),
            None => format!("接口 {} 从未成功应答", n(&fields.endpoint)),
        },
        Some(Rule::UsageLost) => format!("{} 的数据已无法再获取", n(&fields.access_date)),
        Some(Rule::ClockWrong) => format!("本机时钟与供应商相差 {} 秒（正数为偏快）；请校准时钟", n(skew_seconds)),
        Some(Rule::StoreFailing) => format!("数据库无法写入：{}", n(&fields.error)),
        // Of a newer version: better English than nothing.
        None => alert.message.clone(),
    }
}

fn n(value: &Option<impl Display>) -> String {
    value.as_ref().map_or_else(|| "?".into(), ToString::to_string)
}

/// UTC text as the clock on the wall has it.
fn local(text: &str, timezone: Tz) -> String {
    let at = text.parse::<DateTime<Utc>>();
    at.map_or_else(|_| text.to_owned(), |at| at.with_timezone(&timezone).format("%Y-%m-%d %H:%M").to_string())
}
